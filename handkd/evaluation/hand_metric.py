"""The metric of hand joints that configs name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from handkd.hand import JOINTS, NUM_JOINTS
from handkd.registry import METRICS

from .functional import AUC_PRESETS, AucRule, auc, epe, joint_errors, original_pixels
from .predictions import HandPredictions
from .protocols import Protocol

PIXEL_AUC = AucRule(0, 30, 20)
"""px; Zimmermann and Brox's area for 2D joints."""

_KEY = {'gt': 'keypoints_xyz', 'pred': 'keypoints_cam', None: 'keypoints_xyz'}
"""What is read of a prediction, by ``scale``."""

_ALIGNMENT = {(True, 'gt'): 'root+scale', (True, 'pred'): 'root', (False, 'pred'): 'absolute', (False, None): 'pa'}
"""Whether a root is given, and ``scale`` -> the alignment."""


@METRICS.register_module()
class HandKeypointMetric(BaseMetric):
    """Mean and median end-point error and area under the PCK curve of the 21 joints, in mm and in pixels.

    Each number's name carries its protocol (:mod:`handkd.evaluation.protocols`):
    ``rel-middle_mcp_gt-scale_21j/EPE_mean`` is relative to the middle finger's base, at the true scale, over all 21
    joints. Mean and median are taken per joint and then averaged over the joints (Zimmermann and Brox). Joints whose
    ``gt_instances.keypoints_valid`` is 0 don't count. Where predictions have 2D ``keypoints``, in pixels of the image
    that the network saw, ``px_21j/...`` is added in pixels of the original image, by the sample's ``warp_matrix``. A
    data set whose joint 0 is no wrist says what it is in its meta information, such as ``joint0='palm'`` for the palm's
    centre; the names then end in ``21j-joint0=palm``.

    Args:
        root (str, optional): Joint that is put on the true one, or 'palm'. None needs no root, for sets that label
            none, such as fingertips: with ``scale='pred'`` nothing is aligned, with ``scale=None`` PA. Defaults to
            'middle_mcp'.
        scale (str, optional): 'gt' takes the normalised prediction ``keypoints_xyz`` to mm with the true length of
            ``scale_bone``; the predicted root is not moved, so its error counts (PMD-Net, section 4.2). 'pred' takes
            the millimetres of ``keypoints_cam`` and shifts its root onto the true one. None, without a root, lays
            ``keypoints_xyz`` on the truth by the best similarity transform. Defaults to 'gt'.
        scale_bone (tuple[str, str]): Bone whose length is the unit of ``keypoints_xyz``.
            Defaults to ('wrist', 'middle_mcp').
        auc (tuple): First and last threshold in mm, their number and, if it is another than 'trapz', the rule of
            :class:`AucRule`. Defaults to (20, 50, 100).
        zb_legacy (bool): Whether to add the '20-50 mm' AUC of Z&B's published code, whose thresholds are in fact
            21.05 to 50 mm. Defaults to False.
        also (Sequence[str]): Alignments whose mean and median are added, such as ('n', 'pa'). Defaults to ().
        joints (Sequence[str], optional): The joints that count. Defaults to None: all of them.
        visible_only (bool): Whether only joints whose ``gt_instances.keypoints_visible`` is not 0 count.
            Defaults to False.
        joint_table (bool): Whether to log a table of each joint's errors. Defaults to False.
        dump (str, optional): ``.npz`` file for the predictions, for plots. Defaults to None.
        collect_device (str): As in MMEngine. Defaults to 'cpu'.
        prefix (str, optional): Before each number's name, which begins with its protocol. Defaults to None.

    Raises:
        ValueError: If ``scale``, a joint, an alignment or the AUC's numbers make no sense.
    """

    def __init__(
        self,
        root: str | None = 'middle_mcp',
        scale: str | None = 'gt',
        scale_bone: tuple[str, str] = ('wrist', 'middle_mcp'),
        auc: tuple = (20, 50, 100),
        zb_legacy: bool = False,
        also: Sequence[str] = (),
        joints: Sequence[str] | None = None,
        visible_only: bool = False,
        joint_table: bool = False,
        dump: str | None = None,
        collect_device: str = 'cpu',
        prefix: str | None = None,
    ) -> None:
        if scale not in _KEY:
            raise ValueError(f"HandKeypointMetric: scale must be 'gt', 'pred' or None, found {scale!r}")
        if (root is not None, scale) not in _ALIGNMENT:
            raise ValueError(
                f"HandKeypointMetric: a root goes with scale='gt' or 'pred', no root with scale='pred' or None; "
                f'found root={root!r}, scale={scale!r}'
            )
        self.scale, self.joint_table = scale, joint_table
        self.rules = (AucRule(*auc), *([AUC_PRESETS['zb_legacy']] if zb_legacy else []))
        self.settings = dict(
            alignment=_ALIGNMENT[root is not None, scale],
            root=root,
            counted=None if joints is None else tuple(joints),
            visible_only=visible_only,
            scale_bone=tuple(scale_bone),
            auc=self.rules,
            also=tuple(also),
        )
        super().__init__(collect_device, prefix or type(self).__name__)  # MMEngine warns where there is none
        self.prefix = prefix  # compute_metrics names the protocol, which depends on the data set
        self.protocol  # noqa: B018 (raises where a joint or an alignment is wrong)
        self.dump = None if dump is None else Path(dump)

    @property
    def protocol(self) -> Protocol:
        """The protocol on the data set at hand.

        Raises:
            ValueError: If the data set has no wrist, but the root is the wrist, or a joint does not exist.
        """
        joint0 = (self.dataset_meta or {}).get('joint0', JOINTS[0])
        # The scale bone is a default of the configs; the root is a choice, and 'wrist' would be a false name for it.
        bone = tuple(joint0 if joint == JOINTS[0] else joint for joint in self.settings['scale_bone'])
        return Protocol(**self.settings | dict(joints=(joint0, *JOINTS[1:]), scale_bone=bone))

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Align each prediction with its ground truth and keep both.

        Args:
            data_batch: Not used.
            data_samples: Samples as dicts, with ``pred_instances`` of :class:`HandPoseEstimator` and
                ``gt_instances.keypoints_cam`` (1, 21, 3) in mm.

        Raises:
            ValueError: If a sample lacks something or its prediction is not finite; names the sample.
        """
        protocol = self.protocol
        for sample in data_samples:
            name = sample.get('img_path') or f'img_id {sample.get("img_id")}'
            try:
                self.results.append(self._measure(sample, protocol))
            except ValueError as error:
                raise ValueError(f'{name}: {error}') from error

    def _measure(self, sample: dict, protocol: Protocol) -> dict:
        """Return a sample's joints, aligned, and the errors that are not theirs."""
        gt, pred = sample['gt_instances'], sample['pred_instances']
        target = np.asarray(_get(gt, 'keypoints_cam', 'the ground truth'), np.float64)
        joints = _finite(pred, _KEY[self.scale])
        labelled = np.asarray(gt.get('keypoints_valid', np.ones((1, NUM_JOINTS)))) > 0
        counts = labelled & protocol.counts
        if protocol.visible_only:
            counts = counts & (np.asarray(_get(gt, 'keypoints_visible', 'the ground truth')) > 0)
        aligned = protocol.align(joints, target, labelled)
        result = dict(pred=aligned[0], target=target[0], valid=counts[0], img_ids=sample.get('img_id', -1))
        for other in protocol.also:
            one = protocol.with_alignment(other)
            # What the first alignment took away, these take away as well; the others begin with the millimetres.
            begin = aligned if one.can_follow(protocol) else _finite(pred, 'keypoints_cam')
            result[one.name] = _errors(one.align(begin, target, labelled), target, counts)
        if 'keypoints' in pred:
            warp = np.asarray(sample.get('warp_matrix', np.eye(3)))
            flat = [_finite(pred, 'keypoints'), _get(gt, 'keypoints', 'the ground truth')]
            result[_pixel_name(protocol)] = _errors(*(original_pixels(points, warp) for points in flat), counts)
        return result

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Return ``EPE_mean`` and ``EPE_median`` in mm, and each area under the PCK curve, from 0 to 1.

        Raises:
            ValueError: If there is no sample.
        """
        if not results:
            raise ValueError(
                'HandKeypointMetric has nothing to evaluate: the data set of this split is empty '
                '(check its length, its paths and its filters)'
            )
        protocol = self.protocol
        arrays = {key: np.stack([result[key] for result in results]) for key in results[0]}
        fields = ('pred', 'target', 'valid', 'img_ids')
        predictions = HandPredictions(*(arrays.pop(key) for key in fields), protocol=protocol.name)
        if self.dump is not None:
            predictions.save(self.dump)
        numbers = _numbers(protocol.name, predictions.errors, self.rules)
        for name, errors in arrays.items():  # the other alignments and the pixels
            numbers |= _numbers(name, errors, (PIXEL_AUC,) if name == _pixel_name(protocol) else ())
        if self.joint_table:
            print_log(_joint_table(protocol, predictions.errors), logger='current')
        return numbers


def _pixel_name(protocol: Protocol) -> str:
    return 'px_' + protocol.with_alignment('absolute').name.removeprefix('abs_')


def _errors(pred: np.ndarray, target: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Errors of one sample, shape (21,); all NaN where no joint counts, which joint_errors would refuse."""
    return joint_errors(pred, target, counts)[0] if counts.any() else np.full(NUM_JOINTS, np.nan)


def _numbers(name: str, errors: np.ndarray, rules: Sequence[AucRule]) -> dict[str, float]:
    if not np.isfinite(errors).any():
        raise ValueError(f'there is nothing to evaluate under {name}: no joint of {len(errors)} samples counts')
    error = epe(errors)
    values = dict(EPE_mean=error.mean, EPE_median=error.median) | {rule.name: auc(errors, rule) for rule in rules}
    return {f'{name}/{key}': value for key, value in values.items()}


def _joint_table(protocol: Protocol, errors: np.ndarray) -> str:
    lines = [f'{protocol.name}, each joint in mm:', f'{"":<12}{"mean":>9}{"median":>9}{"samples":>9}']
    for joint, column in zip(protocol.joints, errors.T):
        seen = column[np.isfinite(column)]
        values = f'{seen.mean():>9.3f}{np.median(seen):>9.3f}' if seen.size else f'{"-":>9}{"-":>9}'
        lines.append(f'{joint:<12}{values}{seen.size:>9}')
    return '\n'.join(lines)


def _get(instances: dict, key: str, owner: str) -> np.ndarray:
    if key not in instances:
        raise ValueError(f'{owner} has no {key!r} among {sorted(instances)}: HandKeypointMetric needs it')
    return instances[key]


def _finite(pred: dict, key: str) -> np.ndarray:
    """Predicted joints as float64.

    Raises:
        ValueError: If there are none, or a coordinate is not finite.
    """
    joints = np.asarray(_get(pred, key, 'the prediction'), np.float64)
    if not np.isfinite(joints).all():
        raise ValueError(
            f'the predicted {key} are not finite: the training diverged, so lower the learning rate, '
            'or train without amp'
        )
    return joints
