"""Scores of joints under a protocol: the numbers of one row of a table, and the curves of a figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from handkd.units import UNITS

from .functional import auc, epe, frames_within, hand_type_means, joint_errors, pck
from .protocols import NYU_EVALUATION_JOINTS, Protocol

WITHIN = (20, 40)
"""mm; shares of frames whose worst joint is within these are reported by default."""

PCK_AT = (20,)
"""mm; shares of joints within these are reported by default."""

CURVE_THRESHOLDS = np.arange(81.0)
"""mm; thresholds of the curves, as in the NYU benchmark's figures."""

SUBJECTS: dict[tuple[str, ...], dict[str, tuple[int, int]]] = {
    NYU_EVALUATION_JOINTS: {'test_1': (0, 2440), 'test_2': (2440, 8252)},
}
"""Joint names of a benchmark -> first and last + 1 frame of each subject, for the mean error per subject."""


@dataclass(frozen=True)
class Score:
    """Score of one file of predictions under a protocol.

    Attributes:
        protocol: The protocol, for this number of joints.
        errors: Joint errors in mm, shape (N, K), NaN at joints that do not count.
        numbers: ``EPE_mean`` and ``EPE_median`` (mm), ``EPE_mean_<alignment>`` of the protocol's ``also``,
            ``within_<mm>`` (share of frames whose worst joint is within), ``PCK_<mm>``, and ``AUC_...``; for the
            benchmarks of :data:`SUBJECTS` also ``EPE_mean_<subject>``. If the protocol asks for it: ``..._cm`` beside
            each mean (cm), ``AUC_..._<alignment>``, and ``EPE_mean_single``, ``_interacting`` and ``_all`` (mm).
    """

    protocol: Protocol
    errors: np.ndarray
    numbers: dict[str, float]

    @property
    def per_joint(self) -> dict[str, float | None]:
        """Mean error in mm of each joint by name, None for a joint that never counts."""
        seen = np.isfinite(self.errors).any(0)
        means = [float(np.nanmean(column)) if s else None for column, s in zip(self.errors.T, seen)]
        return dict(zip(self.protocol.joints, means))

    @property
    def pck_curve(self) -> np.ndarray:
        """Share of joints within each of :data:`CURVE_THRESHOLDS`, shape (81,), from 0 to 1."""
        return pck(self.errors, CURVE_THRESHOLDS, self.protocol.per_joint)

    @property
    def within_curve(self) -> np.ndarray:
        """Share of frames whose worst joint is within each of :data:`CURVE_THRESHOLDS`, shape (81,), from 0 to 1."""
        return frames_within(self.errors, CURVE_THRESHOLDS)


def score(
    pred: np.ndarray,
    target: np.ndarray,
    protocol: Protocol,
    labelled: np.ndarray | None = None,
    visible: np.ndarray | None = None,
    aligned: bool = False,
    within: Sequence[float] = WITHIN,
    pck_at: Sequence[float] = PCK_AT,
    hand_type: np.ndarray | None = None,
    hand_side: np.ndarray | None = None,
) -> Score:
    """Measure predictions under a protocol.

    Args:
        pred: Joints, shape (N, K, 3), mm, camera frame (see :meth:`Protocol.align`).
        target: True joints, shape (N, K, 3), mm, camera frame.
        protocol: The protocol.
        labelled: Which joints have a label, shape (N, K), bool. Defaults to None: all.
        visible: Which joints are visible, shape (N, K), bool; used only if the protocol counts visible joints only.
            Defaults to None.
        aligned: Whether the predictions are already aligned by the protocol. Defaults to False.
        within: Distances in mm for the shares of frames. Defaults to WITHIN.
        pck_at: Distances in mm for the shares of joints. Defaults to PCK_AT.
        hand_type: 'interacting' or other types of :data:`~handkd.hand.HAND_TYPES`, shape (N,); used
            only if the protocol reports by hand type. Defaults to None.
        hand_side: 'left' or 'right', shape (N,); used as ``hand_type`` is. Defaults to None.

    Raises:
        ValueError: If the shapes differ or do not fit the protocol, a coordinate is not finite, the visibility or the
            hands' types are missing, a root has no label, or no joint counts.
    """
    pred, target = np.asarray(pred, np.float64), np.asarray(target, np.float64)
    if pred.shape != target.shape or pred.ndim != 3 or pred.shape[2] != 3:
        raise ValueError(f'predictions and truth must both be (N, K, 3), found {pred.shape} and {target.shape}')
    protocol = protocol.for_joints(pred.shape[1])
    if protocol.alignment == 'root+scale' and not aligned:
        _check_normalised(pred, protocol)
    labelled = np.ones(pred.shape[:2], bool) if labelled is None else np.asarray(labelled, bool)
    if protocol.skip_rootless:
        labelled = labelled & labelled[:, protocol.root_indices].all(1, keepdims=True)
    counts = _find_counted(protocol, labelled, visible)
    rows = labelled.any(1) if protocol.skip_rootless else slice(None)

    def errors_of(one: Protocol) -> np.ndarray:
        moved = pred.copy()
        if not aligned:
            moved[rows] = one.align(pred[rows], target[rows], labelled[rows])
        return joint_errors(moved, target, counts)

    errors = errors_of(protocol)
    others = {other: errors_of(protocol.with_alignment(other)) for other in protocol.also}
    numbers = _means(errors, others, protocol)
    if protocol.by_hand_type:
        numbers |= _hand_type_means(errors, protocol, hand_type, hand_side)
    frames, joints = frames_within(errors, np.array(within)), pck(errors, np.array(pck_at), protocol.per_joint)
    numbers |= {f'within_{distance:g}': float(share) for distance, share in zip(within, frames)}
    numbers |= {f'PCK_{distance:g}': float(share) for distance, share in zip(pck_at, joints)}
    numbers |= {rule.name: auc(errors, rule, protocol.per_joint) for rule in protocol.auc}
    for other, moved in others.items() if protocol.also_auc else ():
        numbers |= {f'{rule.name}_{other}': auc(moved, rule, protocol.per_joint) for rule in protocol.auc}
    return Score(protocol, errors, numbers | _subject_means(errors, protocol))


def _find_counted(protocol: Protocol, labelled: np.ndarray, visible: np.ndarray | None) -> np.ndarray:
    """Return which joints count, shape (N, K), bool."""
    counts = labelled & protocol.counts
    if not protocol.visible_only:
        return counts
    if visible is None:
        raise ValueError(
            f'the protocol {protocol.name} counts visible joints only, so the ground truth needs an array '
            '`visible` of shape (N, K)'
        )
    return counts & np.asarray(visible, bool)


def _means(errors: np.ndarray, others: dict[str, np.ndarray], protocol: Protocol) -> dict[str, float]:
    """Return mean and median of errors in mm, shape (N, K), and the means by other alignments."""
    numbers = dict(zip(('EPE_mean', 'EPE_median'), epe(errors, protocol.per_joint)))
    numbers |= {f'EPE_mean_{other}': epe(moved, protocol.per_joint).mean for other, moved in others.items()}
    if protocol.centimetres:
        means = [name for name in numbers if name.startswith('EPE_mean')]
        numbers |= {f'{name}_cm': numbers[name] / UNITS['cm'] for name in means}
    return numbers


def _hand_type_means(
    errors: np.ndarray, protocol: Protocol, hand_type: np.ndarray | None, hand_side: np.ndarray | None
) -> dict[str, float]:
    if hand_type is None or hand_side is None:
        raise ValueError(
            f'the protocol {protocol.name} takes single and interacting hands apart, so the ground truth needs arrays '
            '`hand_type` and `hand_side` of shape (N,); without them take it by its full name'
        )
    return {f'EPE_mean_{name}': mean for name, mean in hand_type_means(errors, hand_type, hand_side).items()}


def _check_normalised(pred: np.ndarray, protocol: Protocol) -> None:
    """Refuse joints in mm where units of the scale bone are expected: a hand is a few scale bones across."""
    size = np.nanmedian(np.linalg.norm(np.nanmax(pred, 1) - np.nanmin(pred, 1), axis=-1))
    if size > 30:
        raise ValueError(
            f'the protocol {protocol.name} takes normalised joints, in units of the scale bone, but these hands are '
            f'{size:.3g} across; for joints in mm use '
            f'{protocol.with_alignment("root+bone").name}'
        )


def _subject_means(errors: np.ndarray, protocol: Protocol) -> dict[str, float]:
    """Return the mean error of each of a benchmark's subjects, if the errors are of all of its frames."""
    subjects = SUBJECTS.get(protocol.joints, {})
    if not subjects or max(end for _, end in subjects.values()) != len(errors):
        return {}
    return {f'EPE_mean_{name}': epe(errors[a:b], protocol.per_joint).mean for name, (a, b) in subjects.items()}
