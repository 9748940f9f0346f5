"""Poses of the cameras of a rig."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def look_at(eye: Sequence[float], target: Sequence[float], down: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Return R (3, 3) and T (3,), world to camera, of a camera that looks from one point at another.

    Args:
        eye: (3,) position of the camera, world, mm.
        target: (3,) point on the optical axis, world, mm.
        down: (3,) the direction, not along the axis, that points down in the image.
    """
    eye = np.asarray(eye, np.float64)
    forward = np.asarray(target, np.float64) - eye
    right = np.cross(down, forward)
    rows = [axis / np.linalg.norm(axis) for axis in (right, np.cross(forward, right), forward)]
    rotation = np.stack(rows)
    return rotation, -rotation @ eye
