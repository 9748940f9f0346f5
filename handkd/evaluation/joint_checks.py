"""Checks of files of predictions and truth: the same frames and joints, finite, in the stated unit."""

from __future__ import annotations

import numpy as np

from handkd.units import FARTHEST, HAND_RANGE, UNITS, guess_unit, hand_size, is_sane

from .joint_files import JointFile

_ALIKE = 2.0
"""Factor within which the size of predicted hands in the right unit must agree with the true one."""


def check_pair(pred: JointFile, truth: JointFile) -> None:
    """Check that predictions and truth have the same frames and joints and that all numbers that count are sane.

    Raises:
        ValueError: If not; names the file, the place, and what was found in both.
    """
    for what, axis in (('frames', 0), ('joints per frame', 1)):
        found, wanted = pred.joints.shape[axis], truth.joints.shape[axis]
        if found != wanted:
            raise ValueError(f'{pred.path} has {found} {what}, but the ground truth {truth.path} has {wanted}')
    if pred.frames and truth.frames and pred.frames != truth.frames:
        row = next(i for i, names in enumerate(zip(pred.frames, truth.frames)) if names[0] != names[1])
        raise ValueError(
            f'{pred.path}, row {row + 1} is of {pred.frames[row]!r}, but in {truth.path} of {truth.frames[row]!r}: '
            'put the rows of both in the same order'
        )
    labelled = np.ones(truth.joints.shape[:2], bool) if truth.labelled is None else truth.labelled
    for file in (truth, pred):
        bad = labelled & ~is_sane(file.joints).all(-1)
        if bad.any():
            frame, joint = np.argwhere(bad)[0]
            raise ValueError(
                f'{file.path}: frame {frame}, joint {joint} (from 0) is {file.joints[frame, joint].tolist()}, not '
                f'finite or beyond {FARTHEST:g} mm ({bad.sum()} joints in {bad.any(1).sum()} frames); joints without a '
                'label need an array `valid` beside the ground truth'
            )
    _check_truth_unit(truth, labelled)


def check_unit(pred: JointFile, truth: JointFile) -> None:
    """Refuse predictions in another unit than stated, by comparing their size with the true one.

    A network may predict hands that are far too small: another unit is reported only if it gives about the true size
    and less than half of the error, with the hands' centres shifted onto each other.

    Args:
        pred: Predictions under a protocol that does not scale them.
        truth: True joints, after :func:`check_pair` has accepted both.

    Raises:
        ValueError: If another unit fits; names the file, both sizes and the unit.
    """
    labelled = np.ones(truth.joints.shape[:2], bool) if truth.labelled is None else truth.labelled
    found, wanted = hand_size(pred.joints, labelled), hand_size(truth.joints, labelled)
    if not (found > 0 and wanted > 0):
        return
    for unit, scale in UNITS.items():
        factor = scale / UNITS[pred.unit]
        if factor == 1 or not 1 / _ALIKE < factor * found / wanted < _ALIKE:
            continue
        if _centred_error(pred, truth, labelled, factor) < _centred_error(pred, truth, labelled) / 2:
            raise ValueError(
                f'{pred.path}: its hands are {found:.3g} mm across and the true ones {wanted:.3g}, so it is in {unit}, '
                f'not in {pred.unit}: {_remedy(pred, "--unit", unit)}'
            )


def _check_truth_unit(truth: JointFile, labelled: np.ndarray) -> None:
    """Refuse truth whose hands cannot be in mm."""
    size = hand_size(truth.joints, labelled)
    if not np.isfinite(size) or HAND_RANGE[0] <= size <= HAND_RANGE[1]:
        return
    unit = guess_unit(size / UNITS[truth.unit], HAND_RANGE)
    remedy = 'convert it to mm' if unit is None else f'it is in {unit}: {_remedy(truth, "--gt-unit", unit)}'
    raise ValueError(
        f'{truth.path}: its hands are {size:.3g} mm across, expected {HAND_RANGE[0]:g} to {HAND_RANGE[1]:g}; {remedy}'
    )


def _remedy(file: JointFile, option: str, unit: str) -> str:
    if file.protocol is None:
        return f'give {option} {unit}'
    return f'the data set or the network that wrote it must give mm: multiply by {UNITS[unit]:g} there'


def _centred_error(pred: JointFile, truth: JointFile, labelled: np.ndarray, factor: float = 1.0) -> float:
    """Return the mean distance of scaled predictions from the truth, with each hand's labelled joints centred."""
    difference = np.where(labelled[..., None], factor * pred.joints - truth.joints, np.nan)[labelled.any(1)]
    return float(np.nanmean(np.linalg.norm(difference - np.nanmean(difference, 1, keepdims=True), axis=-1)))
