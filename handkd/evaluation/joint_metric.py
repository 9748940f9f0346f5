"""What the metrics of hand joints have in common: joints that count, numbers under a protocol, table and file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from handkd.hand import JOINTS, NUM_JOINTS

from .functional import AucRule, auc, epe
from .predictions import HandPredictions
from .protocols import Protocol


class JointMetric(BaseMetric):
    """Base of the metrics that compare 21 predicted joints with the true ones, sample by sample.

    A subclass implements :attr:`protocol`, which raises where a joint does not exist, and :meth:`measure`.

    Args:
        rules: Areas under the PCK curve to report.
        joint_table: Whether to log a table of each joint's errors.
        dump: ``.npz`` file for the predictions, for plots, or None.
        collect_device: As in MMEngine.
        prefix: Before each number's name, which begins with its protocol, or None.
    """

    def __init__(
        self, rules: Sequence[AucRule], joint_table: bool, dump: str | None, collect_device: str, prefix: str | None
    ) -> None:
        super().__init__(collect_device, prefix or type(self).__name__)  # MMEngine warns where there is none
        self.prefix = prefix  # compute_metrics names the protocol, which depends on the data set
        self.rules, self.joint_table = tuple(rules), joint_table
        self.dump = None if dump is None else Path(dump)

    @property
    def joint0(self) -> str:
        """What joint 0 is on the data set at hand, by its meta information; else the wrist."""
        return (self.dataset_meta or {}).get('joint0', JOINTS[0])

    @property
    def protocol(self) -> Protocol:
        """The protocol on the data set at hand.

        Raises:
            ValueError: If a joint does not exist there.
        """
        raise NotImplementedError

    @property
    def protocol_name(self) -> str:
        """What stands before each number's name, and in the file of predictions."""
        return self.protocol.name

    def measure(self, sample: dict, protocol: Protocol) -> dict[str, np.ndarray]:
        """Compare one sample's joints.

        Args:
            sample: The sample, with ``gt_instances`` and ``pred_instances``.
            protocol: The protocol on the data set at hand.

        Returns:
            ``pred`` and ``target``, each (21, D), and ``valid`` (21,), as in :class:`HandPredictions`; and under the
            names of other protocols the errors (21,) by them, NaN where a joint does not count.

        Raises:
            ValueError: If the sample lacks something or its prediction is not finite.
        """
        raise NotImplementedError

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Compare each prediction with its ground truth and keep both.

        Args:
            data_batch: Not used.
            data_samples: Samples as dicts, with ``pred_instances`` of :class:`HandPoseEstimator` and ``gt_instances``
                of :class:`PackHandInputs`.

        Raises:
            ValueError: If a sample lacks something or its prediction is not finite; names the sample.
        """
        protocol = self.protocol
        for sample in data_samples:
            name = sample.get('img_path') or f'img_id {sample.get("img_id")}'
            try:
                result = self.measure(sample, protocol)
            except ValueError as error:
                raise ValueError(f'{name}: {error}') from error
            self.results.append(result | dict(img_ids=sample.get('img_id', -1)))

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Return ``EPE_mean`` and ``EPE_median`` in the joints' unit, and each area under the PCK curve, from 0 to 1.

        Raises:
            ValueError: If there is no sample, or no joint counts.
        """
        if not results:
            raise ValueError(
                f'{type(self).__name__} has nothing to evaluate: the data set of this split is empty '
                '(check its length, its paths and its filters)'
            )
        arrays = {key: np.stack([result[key] for result in results]) for key in results[0]}
        fields = ('pred', 'target', 'valid', 'img_ids')
        predictions = HandPredictions(*(arrays.pop(key) for key in fields), protocol=self.protocol_name)
        if self.dump is not None:
            predictions.save(self.dump)
        numbers = _numbers(predictions.protocol, predictions.errors, self.rules)
        for name, errors in arrays.items():  # by other protocols
            numbers |= _numbers(name, errors, ())
        if self.joint_table:
            print_log(_joint_table(predictions, self.protocol.joints), logger='current')
        return numbers

    def read(self, instances: dict, key: str, owner: str) -> np.ndarray:
        """Return something that the metric needs as float64.

        Args:
            instances: ``gt_instances`` or ``pred_instances``.
            key: What to read.
            owner: What errors call the instances.

        Raises:
            ValueError: If it is not there; names the owner, the key and what is there.
        """
        if key not in instances:
            raise ValueError(f'{owner} has no {key!r} among {sorted(instances)}: {type(self).__name__} needs it')
        return np.asarray(instances[key], np.float64)

    def read_truth(self, sample: dict, key: str) -> np.ndarray:
        """Return a label of ``gt_instances``; see :meth:`read`."""
        return self.read(sample['gt_instances'], key, 'the ground truth')

    def read_prediction(self, sample: dict, key: str) -> np.ndarray:
        """Return predicted joints of ``pred_instances``; see :meth:`read`.

        Raises:
            ValueError: If there are none, or a coordinate is not finite.
        """
        joints = self.read(sample['pred_instances'], key, 'the prediction')
        if not np.isfinite(joints).all():
            raise ValueError(
                f'the predicted {key} are not finite: the training diverged, so lower the learning rate, '
                'or train without amp'
            )
        return joints

    def find_joints(self, sample: dict, protocol: Protocol) -> tuple[np.ndarray, np.ndarray]:
        """Return which joints of a sample have a label and which of these count, both (1, 21), bool.

        Raises:
            ValueError: If only visible joints count, and the ground truth does not say which are.
        """
        labelled = np.asarray(sample['gt_instances'].get('keypoints_valid', np.ones((1, NUM_JOINTS)))) > 0
        counts = labelled & protocol.counts
        if protocol.visible_only:
            counts = counts & (self.read_truth(sample, 'keypoints_visible') > 0)
        return labelled, counts


def _numbers(name: str, errors: np.ndarray, rules: Sequence[AucRule]) -> dict[str, float]:
    error = epe(errors)
    values = dict(EPE_mean=error.mean, EPE_median=error.median) | {rule.name: auc(errors, rule) for rule in rules}
    return {f'{name}/{key}': value for key, value in values.items()}


def _joint_table(predictions: HandPredictions, joints: Sequence[str]) -> str:
    head = f'{predictions.protocol}, each joint in {predictions.unit}:'
    lines = [head, f'{"":<12}{"mean":>9}{"median":>9}{"samples":>9}']
    for joint, column in zip(joints, predictions.errors.T):
        seen = column[np.isfinite(column)]
        values = f'{seen.mean():>9.3f}{np.median(seen):>9.3f}' if seen.size else f'{"-":>9}{"-":>9}'
        lines.append(f'{joint:<12}{values}{seen.size:>9}')
    return '\n'.join(lines)
