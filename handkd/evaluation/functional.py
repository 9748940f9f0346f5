"""Hand-pose metrics on plain arrays: means, curves and areas from joint errors.

Symbols: N samples, K joints, T thresholds. Errors and thresholds share one unit, usually mm. Published numbers differ
by the rule as much as by the method (median over all errors or per joint, threshold grid, < or <=), so each function
documents its rule, and :class:`AucRule` is part of the metric's name.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from handkd.hand import HAND_TYPES, SIDES
from handkd.hints import check_choice
from handkd.units import FARTHEST

from .alignment import align_best_scale, align_procrustes, align_root

ZB_LEGACY_FIRST = 8
"""Z&B's '20-50 mm' curve is the tail [8:] of linspace(0, 50, 20): twelve thresholds from 21.05 to 50 mm."""


_MOST_STEPS = 100_000


class EPE(NamedTuple):
    """End-point error, in the unit of the errors."""

    mean: float
    median: float


def joint_errors(pred: np.ndarray, target: np.ndarray, valid: np.ndarray | None = None) -> np.ndarray:
    """Euclidean distance of each joint from its target.

    Args:
        pred: Joints, shape (N, K, D), any unit, any frame.
        target: True joints, of the same shape, unit and frame.
        valid: Which joints have a label, shape (N, K), bool. Defaults to None: all.

    Returns:
        Errors, shape (N, K), float64, NaN at joints that are not valid.

    Raises:
        ValueError: If shapes differ, there is no sample, no joint is valid, or a coordinate of a valid joint is not
            finite; names the first such sample and joint.
    """
    pred, target = np.asarray(pred, np.float64), np.asarray(target, np.float64)
    if pred.shape != target.shape or pred.ndim != 3:
        raise ValueError(f'pred and target must both be (N, K, D), found {pred.shape} and {target.shape}')
    valid = np.ones(pred.shape[:2], bool) if valid is None else np.asarray(valid, bool)
    if valid.shape != pred.shape[:2]:
        raise ValueError(f'valid must be {pred.shape[:2]}, as the joints are, found {valid.shape}')
    if not valid.any():
        raise ValueError(f'there is nothing to evaluate: no valid joint among {len(pred)} samples')
    for name, points in (('pred', pred), ('target', target)):
        bad = valid & ~np.isfinite(points).all(-1)
        if bad.any():
            sample, joint = np.argwhere(bad)[0]
            raise ValueError(
                f'{name} is not finite at sample {sample}, joint {joint} '
                f'({bad.sum()} joints in {bad.any(1).sum()} samples)'
            )
    return np.where(valid, np.linalg.norm(np.where(valid[..., None], pred - target, 0.0), axis=-1), np.nan)


def epe(errors: np.ndarray, per_joint: bool = True) -> EPE:
    """Mean and median end-point error.

    Args:
        errors: Joint errors, in space or in the image, shape (N, K), any unit; NaN where there is no label.
        per_joint: True takes the mean (median) of each joint over the samples, then the mean over the joints, as
            Zimmermann and Brox (2017) do: their 'median' is a mean of K medians. False pools all errors. Defaults to
            True.
    """
    if per_joint:
        seen = errors[:, np.isfinite(errors).any(0)]
        return EPE(float(np.nanmean(seen, 0).mean()), float(np.nanmedian(seen, 0).mean()))
    return EPE(float(np.nanmean(errors)), float(np.nanmedian(errors)))


def hand_type_means(errors: np.ndarray, hand_type: np.ndarray, hand_side: np.ndarray) -> dict[str, float]:
    """Mean end-point error of single and of interacting hands, as InterHand2.6M's owners take it.

    Joints of left and right hands are different joints: the mean of each of the 42 is taken over the samples, then the
    mean over the joints.

    Args:
        errors: Joint errors of N hands, one row per hand, shape (N, 21), any unit; NaN where there is no label.
        hand_type: 'interacting' if the image shows two hands, else 'single', 'left' or 'right', shape (N,).
        hand_side: 'left' or 'right', shape (N,).

    Returns:
        'single', 'interacting' and 'all' -> the mean in the unit of the errors; without those of which no joint counts.

    Raises:
        ValueError: If a type or side is none of these, or their number is not that of the hands.
    """
    for name, values, choices in (('hand_type', hand_type, HAND_TYPES), ('hand_side', hand_side, SIDES)):
        if np.shape(values) != (len(errors),):
            raise ValueError(f'{name} must be ({len(errors)},), one for each hand, found {np.shape(values)}')
        other = ~np.isin(values, choices)
        if other.any():
            sample = int(np.argmax(other))
            raise ValueError(f'{name} must be one of {choices}, found {str(values[sample])!r} at sample {sample}')
    both = np.asarray(hand_type) == 'interacting'
    columns = np.concatenate([np.where(np.equal(hand_side, side)[:, None], errors, np.nan) for side in SIDES], 1)
    groups = {'single': ~both, 'interacting': both, 'all': np.ones(len(errors), bool)}
    return {name: epe(columns[rows]).mean for name, rows in groups.items() if np.isfinite(columns[rows]).any()}


def pck(errors: np.ndarray, thresholds: np.ndarray, per_joint: bool = True, strict: bool = False) -> np.ndarray:
    """Share of correct keypoints at each threshold.

    Args:
        errors: Joint errors, in space or in the image, shape (N, K), any unit; NaN where there is no label.
        thresholds: Shape (T,), in the unit of the errors.
        per_joint: True takes each joint's share, then the mean over the joints (Z&B); False pools all errors. Defaults
            to True.
        strict: True counts errors < threshold (MMPose), False <= threshold (Z&B). Defaults to False.

    Returns:
        The curve, shape (T,), from 0 to 1.
    """
    columns = errors[:, np.isfinite(errors).any(0)] if per_joint else errors.reshape(-1, 1)
    shares = []
    for column in columns.T:
        column = np.sort(column[np.isfinite(column)])
        shares.append(np.searchsorted(column, thresholds, 'left' if strict else 'right') / len(column))
    return np.mean(shares, 0)


def curve_area(thresholds: np.ndarray, curve: np.ndarray) -> float:
    """Area under a curve by trapezoids, as a share of the area under the constant 1.

    Args:
        thresholds: Ascending, shape (T,), any unit.
        curve: Values at the thresholds, such as shares of keypoints or frames, shape (T,).
    """
    widths = np.diff(thresholds)
    return float((widths * (curve[1:] + curve[:-1]) / 2).sum() / widths.sum())


@dataclass(frozen=True)
class AucRule:
    """How an area under the PCK curve is computed.

    Attributes:
        low: First threshold, in the unit of the errors.
        high: Last threshold (left out by the rule 'left').
        steps: Number of thresholds.
        rule: 'trapz', trapezoids over linspace(low, high, steps) with <=; 'zb_legacy', called 20-50 mm in published
            code: the tail from :data:`ZB_LEGACY_FIRST` of the 'trapz' thresholds, made for (0, 50, 20); or 'left',
            MMPose's ``keypoint_auc``: the mean of the PCK with < at ``steps`` thresholds from low, high left out.
            Defaults to 'trapz'.

    Raises:
        ValueError: If the rule is unknown, or a threshold or the number of steps is out of range.
    """

    low: float
    high: float
    steps: int
    rule: str = 'trapz'

    def __post_init__(self) -> None:
        least = ZB_LEGACY_FIRST + 2 if self.rule == 'zb_legacy' else 2
        check_choice(self.rule, ('trapz', 'zb_legacy', 'left'), 'AUC rule')
        if not (0 <= self.low < self.high <= FARTHEST and least <= self.steps <= _MOST_STEPS):
            raise ValueError(
                f'AUC needs 0 <= low < high <= {FARTHEST:g} and {least} to {_MOST_STEPS} steps, found {self}'
            )

    @property
    def name(self) -> str:
        """Name of the number, such as ``AUC_20-50_trapz100``."""
        return f'AUC_{self.low:g}-{self.high:g}_{self.rule}{self.steps}'

    @property
    def thresholds(self) -> np.ndarray:
        """The thresholds that count, shape (T,)."""
        grid = np.linspace(self.low, self.high, self.steps, endpoint=self.rule != 'left')
        return grid[ZB_LEGACY_FIRST:] if self.rule == 'zb_legacy' else grid


AUC_PRESETS = {
    '20-50': AucRule(20, 50, 100),
    '0-50': AucRule(0, 50, 20),
    'zb_legacy': AucRule(0, 50, 20, 'zb_legacy'),
}
"""The usual areas in mm, by name: handkd's default; Zimmermann and Brox's whole curve; 20-50 as in their code."""


def auc(errors: np.ndarray, rule: AucRule, per_joint: bool = True) -> float:
    """Area under the PCK curve, from 0 to 1.

    Args:
        errors: Joint errors, in space or in the image, shape (N, K), in the unit of the rule's thresholds (mm or px);
            NaN where there is no label.
        rule: Thresholds and integration.
        per_joint: As in :func:`pck`. Defaults to True.
    """
    if rule.rule == 'left':
        return float(pck(errors, rule.thresholds, per_joint, strict=True).mean())
    return curve_area(rule.thresholds, pck(errors, rule.thresholds, per_joint))


def mpjpe(pred: np.ndarray, target: np.ndarray, root: int = 0) -> float:
    """Mean per-joint position error (MPJPE) after shifting the predicted root joint onto the true one.

    Args:
        pred: Joints, shape (N, K, 3), any unit, axes as those of ``target``.
        target: True joints, of the same shape and unit.
        root: Index of the root joint; its error is 0 and counts in the mean. Defaults to 0.
    """
    return float(joint_errors(align_root(pred, target, root), target).mean())


def n_mpjpe(pred: np.ndarray, target: np.ndarray, root: int = 0) -> float:
    """MPJPE after each prediction is also scaled by the best factor (Rhodin et al., 2018).

    See :func:`~handkd.evaluation.alignment.align_best_scale`: the error of a point-mirrored prediction is 0.

    Args:
        pred: Joints, shape (N, K, 3), any unit, axes as those of ``target``.
        target: True joints, of the same shape; the result has its unit.
        root: Index of the root joint. Defaults to 0.
    """
    return float(joint_errors(align_best_scale(pred, target, root), target).mean())


def pa_mpjpe(pred: np.ndarray, target: np.ndarray) -> float:
    """Mean joint error after the best similarity transform of each prediction, mirroring excluded (PA-MPJPE).

    Args:
        pred: Joints, shape (N, K, 3), any unit, any frame.
        target: True joints, of the same shape; the result has its unit.
    """
    return float(joint_errors(align_procrustes(pred, target), target).mean())


def frames_within(errors: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Share of frames whose worst joint is within each threshold (the curve of the NYU benchmark).

    Args:
        errors: Joint errors of N frames, one row per frame, shape (N, K), any unit; NaN where there is no label.
        thresholds: Shape (T,), in the unit of the errors.

    Returns:
        The curve, shape (T,), from 0 to 1. Frames without a label don't count.
    """
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', RuntimeWarning)  # frames of NaN only, dropped by the next line
        worst = np.nanmax(errors, axis=1)
    worst = np.sort(worst[np.isfinite(worst)])
    return np.searchsorted(worst, thresholds, 'right') / len(worst)


class Violations(NamedTuple):
    """Shares of samples and joint angles out of bounds, from 0 to 1."""

    frequency: float
    """Samples with at least one angle out of bounds (the V.F. of EKD)."""
    rate: float
    """Angles out of bounds, among all of all samples."""
    per_angle: np.ndarray
    """Samples in which each angle is out of bounds, shape (A,)."""


def violation_frequency(violated: np.ndarray) -> Violations:
    """Count anatomically impossible hands.

    Args:
        violated: Which angle of which sample (image) is out of its bounds, shape (N, A), bool.

    Raises:
        ValueError: If the array is not (N, A) and boolean, or is empty.
    """
    violated = np.asarray(violated)
    if violated.ndim != 2 or violated.dtype != bool or not violated.size:
        raise ValueError(f'violated must be (N, A), bool, not empty; found {violated.shape} {violated.dtype}')
    return Violations(float(violated.any(1).mean()), float(violated.mean()), violated.mean(0))
