"""Units of length, and guessing the unit of joints from the size of the hand."""

from __future__ import annotations

import numpy as np

from .hand import BONES, NUM_JOINTS
from .hints import check_choice

UNITS: dict[str, float] = {'mm': 1.0, 'cm': 10.0, 'm': 1000.0}
"""Millimetres per unit."""

BONE_RANGE: tuple[float, float] = (8.0, 300.0)
"""Range of the median bone length of any hand, mm, including children's and enlarged hands."""

HAND_RANGE: tuple[float, float] = (30.0, 1000.0)
"""Range of the diagonal of the box around the joints of any hand, mm, including fists."""

FARTHEST = 1e6
"""Largest absolute value of a label or camera, in mm and px: no camera sees a hand at 1 km, and float32, in which
labels are kept, has steps of 0.06 there. Larger values are damaged, and their squares or casts soon overflow."""

_FEWEST_JOINTS = 5  # two tips that touch do not give a hand's size


def is_sane(values: np.ndarray) -> np.ndarray:
    """Return which numbers are finite and not beyond :data:`FARTHEST`.

    Args:
        values: Labels or camera entries, shape (...), mm or px, any frame.

    Returns:
        Of the same shape, bool.
    """
    return (values >= -FARTHEST) & (values <= FARTHEST)  # not so for NaN; abs of the least integer is negative


def unit_scale(unit: str) -> float:
    """Return the millimetres per unit.

    Raises:
        ValueError: If the unit is unknown; names the nearest right one.
    """
    check_choice(unit, UNITS, 'unit')
    return UNITS[unit]


def bone_length(joints: np.ndarray, labelled: np.ndarray | None = None) -> float:
    """Return the median length of the bones of some hands, NaN if no bone has both ends labelled.

    Args:
        joints: Joints in handkd's order, shape (..., 21, 3), any unit, any frame; NaN counts as no label.
        labelled: Which joints have a label, shape (..., 21), bool. Defaults to None: all.

    Returns:
        The length in the unit of the joints.
    """
    joints = np.asarray(joints, np.float64).reshape(-1, NUM_JOINTS, 3)
    if labelled is not None:
        joints = np.where(np.reshape(labelled, (-1, NUM_JOINTS, 1)), joints, np.nan)
    ends = np.array(BONES)
    lengths = np.linalg.norm(joints[:, ends[:, 1]] - joints[:, ends[:, 0]], axis=-1)
    lengths = lengths[np.isfinite(lengths)]
    return float(np.median(lengths)) if lengths.size else float('nan')


def hand_size(joints: np.ndarray, labelled: np.ndarray | None = None) -> float:
    """Return the median diagonal of the boxes around hands, NaN if no hand has five labelled joints.

    Args:
        joints: Joints in any order and number, shape (N, K, 3), any unit, any frame.
        labelled: Which joints have a label, shape (N, K), bool. Defaults to None: all.

    Returns:
        The diagonal in the unit of the joints; the box is parallel to the axes of their frame.
    """
    joints = np.asarray(joints, np.float64)
    labelled = np.ones(joints.shape[:2], bool) if labelled is None else np.asarray(labelled, bool)
    enough = labelled.sum(1) >= _FEWEST_JOINTS
    if not enough.any():
        return float('nan')
    joints = np.where(labelled[..., None], joints, np.nan)[enough]
    return float(np.median(np.linalg.norm(np.nanmax(joints, 1) - np.nanmin(joints, 1), axis=-1)))


def guess_unit(size: float, expected: tuple[float, float]) -> str | None:
    """Return the unit in which a size is within an expected range of mm; None if there is none.

    Args:
        size: A length as found, unit unknown.
        expected: :data:`BONE_RANGE` or :data:`HAND_RANGE`.
    """
    low, high = expected
    return next((unit for unit, scale in UNITS.items() if low <= size * scale <= high), None)


def wrong_unit(joints: np.ndarray, labelled: np.ndarray | None = None) -> str | None:
    """Return the error message for joints that are in metres or centimetres; None for others.

    Args:
        joints: Joints in handkd's order, shape (..., 21, 3), in mm if right, any frame; NaN counts as no label.
        labelled: Which joints have a label, shape (..., 21), bool. Defaults to None: all.
    """
    length = bone_length(joints, labelled)
    unit = guess_unit(length, BONE_RANGE)
    if unit in (None, 'mm'):
        return None
    low, high = BONE_RANGE
    return (
        f'the median bone is {length:.3g} long, expected {low:g} to {high:g} mm: the joints are in {unit}, so '
        f'multiply them, and T of the camera, by {UNITS[unit]:g}'
    )
