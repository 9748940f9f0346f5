"""Metric of 3D joints, for configs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from handkd.hand import JOINTS
from handkd.registry import METRICS
from handkd.units import wrong_unit

from .functional import AUC_PRESETS, AucRule, epe, frames_within, hand_type_means, joint_errors
from .joint_metric import JointMetric
from .predictions import HandPredictions
from .protocols import Protocol

_ALIGNMENT = {
    (True, 'gt'): 'root+scale',
    (True, 'pred'): 'root',
    (True, 'best'): 'n',
    (False, 'pred'): 'absolute',
    (False, 'gt'): 'absolute',
    (False, None): 'pa',
}
"""Whether a root is given, and ``scale`` -> the alignment."""
_GT_DEPTH = 'keypoints_cam_gt_depth'


@METRICS.register_module()
class HandKeypointMetric(JointMetric):
    """Mean and median end-point error and area under the PCK curve of the 21 joints, in mm.

    Each number's name begins with its protocol (:mod:`handkd.evaluation.protocols`):
    ``rel-middle_mcp_gt-scale_21j/EPE_mean`` is relative to the middle finger's base, at the true scale, over all 21
    joints. Mean and median are taken per joint and then averaged over the joints (Zimmermann and Brox). Joints whose
    ``gt_instances.keypoints_valid`` is 0 don't count. If joint 0 of a data set is not the wrist, its meta information
    names it, such as ``joint0='palm'`` for the palm's centre; the names then end in ``21j-joint0=palm``. 2D joints are
    measured by :class:`HandPixelMetric`. If samples have a ``hand_type`` (InterHand2.6M), ``EPE_mean_single``,
    ``_interacting`` and ``_all`` are added, as its owners take them
    (:func:`~handkd.evaluation.functional.hand_type_means`).

    Args:
        root (str, optional): Joint that is shifted onto the true one, or 'palm'. None for no root, for data sets that
            label none, such as sets of fingertips: with ``scale='pred'`` or 'gt' nothing is aligned, with
            ``scale=None`` PA. Defaults to 'middle_mcp'.
        scale (str, optional): 'gt' converts the normalised prediction ``keypoints_xyz`` to mm with the true length of
            ``scale_bone``; the predicted root is not moved, so its error counts (PMD-Net, section 4.2). Without a root
            it uses ``keypoints_cam_gt_depth`` (mm), which 2.5D heads predict from the true scale and root depth: the
            root's error in the image counts (EKD, section 4.1). 'pred' uses ``keypoints_cam`` (mm) and shifts its root
            onto the true one unless ``root`` is None. 'best' shifts the root of ``keypoints_xyz`` and scales by the
            best factor: N-MPJPE. None, without a root, aligns ``keypoints_xyz`` by the best similarity transform.
            Defaults to 'gt'.
        scale_bone (tuple[str, str]): Bone whose length is the unit of ``keypoints_xyz``.
            Defaults to ('wrist', 'middle_mcp').
        auc (tuple): First and last threshold in mm, their number and, unless it is 'trapz', the rule of
            :class:`AucRule`. Defaults to (20, 50, 100).
        zb_legacy (bool): Whether to add the '20-50 mm' AUC of Z&B's published code, whose thresholds are in fact
            21.05 to 50 mm. Defaults to False.
        plane (bool): Whether to add ``EPE_xy_mean``, the mean error within the camera's x and y alone, of the same
            aligned joints: the "2D error, mm" of Neverova et al. 2017, Table 4. Defaults to False.
        within (Sequence[float]): Distances in mm; ``within_20`` is the share of the frames whose counting joints are
            all within 20 mm (Neverova et al. 2017, Fig. 8). Defaults to ().
        also (Sequence[str]): Alignments whose mean and median are added, such as ('n', 'pa'). Defaults to ().
        joints (Sequence[str], optional): The joints that count. Defaults to None: all of them.
        visible_only (bool): Whether only joints whose ``gt_instances.keypoints_visible`` is not 0 count.
            Defaults to False.
        native (bool): Whether to evaluate the data set's own joints, to which its published figures refer: NYU's 14,
            ``keypoints_cam_native``. With ``scale='pred'`` only. Defaults to False.
        joint_table (bool): Whether to log a table of each joint's errors. Defaults to False.
        dump (str, optional): ``.npz`` file for the predictions, for plots. Defaults to None.
        collect_device (str): As in MMEngine. Defaults to 'cpu'.
        prefix (str, optional): Put before each number's name, which begins with its protocol. Defaults to None.

    Raises:
        ValueError: If ``scale``, a joint, an alignment, a distance or the AUC's numbers are invalid.
    """

    def __init__(
        self,
        root: str | None = 'middle_mcp',
        scale: str | None = 'gt',
        scale_bone: tuple[str, str] = ('wrist', 'middle_mcp'),
        auc: tuple = (20, 50, 100),
        zb_legacy: bool = False,
        plane: bool = False,
        within: Sequence[float] = (),
        also: Sequence[str] = (),
        joints: Sequence[str] | None = None,
        visible_only: bool = False,
        native: bool = False,
        joint_table: bool = False,
        dump: str | None = None,
        collect_device: str = 'cpu',
        prefix: str | None = None,
    ) -> None:
        if scale not in ('gt', 'pred', 'best', None):
            raise ValueError(f"HandKeypointMetric: scale must be 'gt', 'pred', 'best' or None, found {scale!r}")
        if (root is not None, scale) not in _ALIGNMENT:
            raise ValueError(
                "HandKeypointMetric: scale must be 'gt', 'pred' or 'best' with a root, and 'gt', 'pred' or None "
                f'without one; found root={root!r}, scale={scale!r}'
            )
        if native and (scale != 'pred' or visible_only):
            raise ValueError(
                "HandKeypointMetric: native=True needs scale='pred' and visible_only=False (the visibility of native "
                f'joints is unknown); found scale={scale!r}, visible_only={visible_only!r}'
            )
        if not all(distance > 0 for distance in within):
            raise ValueError(f'HandKeypointMetric: within must be positive distances in mm, found {within!r}')
        rules = (AucRule(*auc), *([AUC_PRESETS['zb_legacy']] if zb_legacy else []))
        super().__init__(rules, joint_table, dump, collect_device, prefix)
        self.native, self.plane, self.within = native, plane, tuple(within)
        self.millimetres = 'keypoints_cam_native' if native else 'keypoints_cam'
        self.key = self.millimetres if scale == 'pred' else 'keypoints_xyz'
        if root is None and scale == 'gt':
            self.key = _GT_DEPTH
        self.settings = dict(
            alignment=_ALIGNMENT[root is not None, scale],
            root=root,
            counted=None if joints is None else tuple(joints),
            visible_only=visible_only,
            scale_bone=tuple(scale_bone),
            auc=rules,
            also=tuple(also),
        )
        if not native:  # native joints are named by the data set, which is not known yet
            self.protocol  # noqa: B018 (raises where a joint or an alignment is wrong)

    @property
    def protocol(self) -> Protocol:
        """The protocol on the data set at hand.

        Raises:
            ValueError: If the data set has no wrist, but the root is the wrist, or a joint does not exist, or the data
                set has no joints of its own.
        """
        if self.native:
            names = (self.dataset_meta or {}).get('native_joint_names', ())
            joints = tuple(names[index] for index in self._native_indices)
            return Protocol(**self.settings | dict(joints=joints, scale_bone=None))
        joint0 = self.joint0
        # The scale bone is a default of the configs; the root is a choice, and 'wrist' would be a false name for it.
        bone = tuple(joint0 if joint == JOINTS[0] else joint for joint in self.settings['scale_bone'])
        return Protocol(**self.settings | dict(joints=(joint0, *JOINTS[1:]), scale_bone=bone))

    @property
    def _native_indices(self) -> list[int]:
        meta = self.dataset_meta or {}
        if 'native_evaluation' not in meta:
            name = meta.get('dataset_name')
            raise ValueError(f'HandKeypointMetric(native=True): the data set {name!r} has no joints of its own')
        return list(meta['native_evaluation'])

    def compare(self, sample: dict, protocol: Protocol) -> dict[str, np.ndarray]:
        """Align a sample's joints with the true ones; see :meth:`JointMetric.compare`.

        Raises:
            ValueError: If the sample lacks something or its prediction is not finite.
        """
        if self.key == _GT_DEPTH and np.isnan(sample['pred_instances'].get(_GT_DEPTH, 0.0)).all():
            raise ValueError(
                f'img_id {sample.get("img_id")}: its root or its scale bone has no label, so the error at the true '
                "depth and scale is undefined: leave such samples out, or take scale='pred' or None"
            )
        joints, target = self.read_prediction(sample, self.key), self.read_truth(sample, self.millimetres)
        if self.native:  # all of them have a label
            target = target[:, self._native_indices]
            labelled = np.ones(target.shape[:2], bool)
            counts = labelled & protocol.counts
        else:
            labelled, counts = self.find_joints(sample, protocol)
        aligned = protocol.align(joints, target, labelled)
        result = dict(pred=aligned[0], target=target[0], valid=counts[0])
        for other in protocol.also:
            one = protocol.with_alignment(other)
            # Alignments that include the first one start from its result; the others from the joints in mm.
            begin = aligned if one.can_follow(protocol) else self.read_prediction(sample, self.millimetres)
            result[one.name] = _errors(one.align(begin, target, labelled), target, counts)
        return result

    def numbers_of(self, predictions: HandPredictions) -> dict[str, float]:
        """Return the numbers of all samples under the protocol, by their names without it.

        Raises:
            ValueError: If the true joints are not in mm, in which errors are reported. Predictions are not checked; a
                network may predict tiny hands.
        """
        if not self.native:
            wrong = wrong_unit(predictions.target, predictions.valid)
            if wrong is not None:
                name = (self.dataset_meta or {}).get('dataset_name')
                raise ValueError(f'the labels of the data set {name!r} are not in mm: in keypoints_cam {wrong}')
        numbers = super().numbers_of(predictions)
        if self.plane:
            flat = joint_errors(predictions.pred[..., :2], predictions.target[..., :2], predictions.valid)
            numbers['EPE_xy_mean'] = epe(flat).mean
        if predictions.hand_type is not None:
            means = hand_type_means(predictions.errors, predictions.hand_type, predictions.hand_side)
            numbers |= {f'EPE_mean_{name}': mean for name, mean in means.items()}
        shares = frames_within(predictions.errors, np.array(self.within))
        return numbers | {f'within_{distance:g}': float(share) for distance, share in zip(self.within, shares)}


def _errors(pred: np.ndarray, target: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the errors of one sample, shape (K,); all NaN if no joint counts, which joint_errors would refuse."""
    return joint_errors(pred, target, counts)[0] if counts.any() else np.full(counts.shape[1], np.nan)
