"""Metric of anatomically impossible predictions, for configs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmengine.logging import print_log

from handkd.geometry import ANGLE_NAMES, AngleLimits
from handkd.hand import FINGERS, SIDES
from handkd.needs import needs
from handkd.registry import METRICS

from .functional import Violations, violation_frequency
from .sample_metric import SampleMetric


@METRICS.register_module()
@needs(limits='angle_limits.file')
class HandAngleMetric(SampleMetric):
    """Share of predicted hands with a joint angle out of bounds (violation frequency, V.F., of Zhang et al., 2020).

    The angles are those of :mod:`handkd.geometry.angles`, of the prediction ``keypoints_xyz``, whose unit does
    not matter; they need the sample's ``hand_side``. A value more than 1e-6 beyond a bound counts; an undefined angle,
    as where two joints coincide, is no violation. With limits from ``lm.json`` the numbers, from 0 to 1, are

    * ``angles-lm/violation_frequency``: samples with at least one angle out of bounds;
    * ``angles-lm/violation_rate``: angles out of bounds, among all 20 of all samples;
    * ``angles-lm/labels_violation_frequency``: the violation frequency of the labels ``gt_instances.keypoints_cam``
      themselves, over the samples in which each joint has one; it is left out if there is no such sample.

    Args:
        limits (str): File of limits, made by ``handkd limits``.
        angle_table (bool): Whether to log a table of each finger's angles. Defaults to False.
        collect_device (str): As in MMEngine. Defaults to 'cpu'.
        prefix (str, optional): Put before each number's name, which begins with its protocol. Defaults to None.

    Raises:
        FileNotFoundError: If there is no such file; names the command that makes it.
        ValueError: If the file is damaged; names it.
    """

    def __init__(
        self, limits: str, angle_table: bool = False, collect_device: str = 'cpu', prefix: str | None = None
    ) -> None:
        super().__init__(collect_device, prefix)
        self.limits = AngleLimits.read(limits)
        self.file = limits
        self.protocol_name = f'angles-{Path(limits).stem}'
        self.angle_table = angle_table

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Measure each sample and store the results; see :meth:`SampleMetric.process`.

        Raises:
            ValueError: If the limits were gathered from hands with another joint 0, or a sample lacks something; names
                it.
        """
        theirs = self.limits.source.get('joint0', self.joint0)
        if theirs != self.joint0:
            raise ValueError(
                f'{self.file}: these limits of joint angles are of hands whose joint 0 is {theirs!r}, but here it is '
                f'{self.joint0!r}, which tilts the plane of the palm: gather them from this set'
            )
        super().process(data_batch, data_samples)

    def measure(self, sample: dict) -> dict[str, np.ndarray]:
        """Find the angles of a sample's joints that are out of bounds; see :meth:`SampleMetric.measure`.

        Raises:
            ValueError: If the sample lacks its joints or side, or the prediction is not finite.
        """
        joints, side = self.read_prediction(sample, 'keypoints_xyz'), sample.get('hand_side')
        if side not in SIDES:
            raise ValueError(
                f"'hand_side' must be one of {SIDES}, found {side!r}: HandAngleMetric needs it, since a joint of a "
                'left hand bends the other way'
            )
        labels = sample['gt_instances'].get('keypoints_cam')
        labelled = labels is not None and self.find_labelled(sample).all()
        left = side == 'left'
        return dict(
            pred=self.limits.violated(joints[0], left),
            labels=self.limits.violated(labels[0], left) if labelled else np.zeros(self.limits.low.shape, bool),
            labelled=np.asarray(labelled),
        )

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Return the frequency and the rate of violations, and the labels' frequency if there are labels.

        Raises:
            ValueError: If there is no sample.
        """
        arrays = self.stack_results(results)
        pred = _count(arrays['pred'])
        numbers = dict(violation_frequency=pred.frequency, violation_rate=pred.rate)
        labels = _count(arrays['labels'][arrays['labelled']]) if arrays['labelled'].any() else None
        if labels is not None:
            numbers['labels_violation_frequency'] = labels.frequency
        if self.angle_table:
            print_log(_angle_table(self.protocol_name, pred, labels), logger='current')
        return {f'{self.protocol_name}/{name}': value for name, value in numbers.items()}


def _count(violated: np.ndarray) -> Violations:
    return violation_frequency(violated.reshape(len(violated), -1))


def _angle_table(name: str, pred: Violations, labels: Violations | None) -> str:
    said = '' if labels is None else ', and of labels in brackets'
    lines = [f'{name}, percent of predictions out of bounds{said}:']
    lines.append(f'{"":<8}' + ''.join(f'{angle:>16}' for angle in ANGLE_NAMES))
    cells = [f'{100 * share:.2f}' for share in pred.per_angle]
    if labels is not None:
        cells = [f'{cell} ({100 * share:.2f})' for cell, share in zip(cells, labels.per_angle)]
    for finger, row in zip(FINGERS, np.reshape(cells, (len(FINGERS), -1))):
        lines.append(f'{finger:<8}' + ''.join(f'{cell:>16}' for cell in row))
    return '\n'.join(lines)
