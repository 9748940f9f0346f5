"""Units of length, and which of them joints are in, as the size of a hand tells."""

from __future__ import annotations

import numpy as np

from .hand import BONES, NUM_JOINTS
from .hints import did_you_mean

UNITS: dict[str, float] = {'mm': 1.0, 'cm': 10.0, 'm': 1000.0}
"""Millimetres of each unit."""

BONE_RANGE: tuple[float, float] = (8.0, 300.0)
"""mm; between these lies the median bone of any hand, a child's and an enlarged one's as well."""

HAND_RANGE: tuple[float, float] = (30.0, 1000.0)
"""mm; between these lies how far a hand reaches, a fist as well: the diagonal of the box around its joints."""

FARTHEST = 1e6
"""Largest number of a label or camera, mm and px: a hand at 1 km is of no camera, and float32, in which labels are
kept, steps by 0.06 there. What is larger is damaged, and its squares, or its cast, soon become infinite."""

_FEWEST_JOINTS = 5  # two tips that touch say nothing of a hand's size


def is_sane(values: np.ndarray) -> np.ndarray:
    """Return which numbers are finite and not beyond :data:`FARTHEST`, of the same shape, bool."""
    return (values >= -FARTHEST) & (values <= FARTHEST)  # not so for NaN; abs of the least integer is negative


def unit_scale(unit: str) -> float:
    """Return the millimetres of a unit.

    Raises:
        ValueError: If there is no such unit; names the nearest.
    """
    if unit not in UNITS:
        raise ValueError(f'no unit named {unit!r}; {did_you_mean(unit, UNITS)}')
    return UNITS[unit]


def bone_length(joints: np.ndarray, labelled: np.ndarray | None = None) -> float:
    """Return the median length of the bones of some hands, NaN where no bone has both ends labelled.

    Args:
        joints: Joints in handkd's order, shape (..., 21, 3), any unit; NaN counts as no label.
        labelled: Which joints have a label, shape (..., 21), bool. Defaults to None: all.
    """
    joints = np.asarray(joints, np.float64).reshape(-1, NUM_JOINTS, 3)
    if labelled is not None:
        joints = np.where(np.reshape(labelled, (-1, NUM_JOINTS, 1)), joints, np.nan)
    ends = np.array(BONES)
    lengths = np.linalg.norm(joints[:, ends[:, 1]] - joints[:, ends[:, 0]], axis=-1)
    lengths = lengths[np.isfinite(lengths)]
    return float(np.median(lengths)) if lengths.size else float('nan')


def hand_size(joints: np.ndarray, labelled: np.ndarray | None = None) -> float:
    """Return the median diagonal of the boxes around hands, NaN where none has five labelled joints.

    Args:
        joints: Joints of any order and number, shape (N, K, 3), any unit.
        labelled: Which joints have a label, shape (N, K), bool. Defaults to None: all.
    """
    joints = np.asarray(joints, np.float64)
    labelled = np.ones(joints.shape[:2], bool) if labelled is None else np.asarray(labelled, bool)
    enough = labelled.sum(1) >= _FEWEST_JOINTS
    if not enough.any():
        return float('nan')
    joints = np.where(labelled[..., None], joints, np.nan)[enough]
    return float(np.median(np.linalg.norm(np.nanmax(joints, 1) - np.nanmin(joints, 1), axis=-1)))


def guess_unit(size: float, expected: tuple[float, float]) -> str | None:
    """Return the unit that takes a size into an expected range of mm; None if none does.

    Args:
        size: A length as it was found.
        expected: :data:`BONE_RANGE` or :data:`HAND_RANGE`.
    """
    low, high = expected
    return next((unit for unit, scale in UNITS.items() if low <= size * scale <= high), None)


def wrong_unit(joints: np.ndarray, labelled: np.ndarray | None = None) -> str | None:
    """Say what is wrong with joints that are in metres or centimetres; None where they are not.

    Args:
        joints: Joints in handkd's order, shape (..., 21, 3); NaN counts as no label.
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
