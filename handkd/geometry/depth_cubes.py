"""Depth in a metric cube, as networks take it."""

from __future__ import annotations

import numpy as np

from handkd.compiling import njit


def scale_to_cube(depth: np.ndarray, center: float, cube: float, scaled: np.ndarray) -> None:
    """Normalise depth to [-1, 1] in a cube: clip((depth - center) / (cube / 2), -1, 1), and 1 without a measurement.

    Args:
        depth: Shape (H, W), mm along the optical axis; 0 or NaN where there is no measurement.
        center: Depth of the cube's centre, mm.
        cube: The cube's edge in mm.
        scaled: The result, shape (H, W), float32; may be ``depth`` itself.
    """
    _scale(depth, np.float32(center), np.float32(2 / cube), scaled)


@njit(cache=True, nogil=True)
def _scale(depth: np.ndarray, centre: float, factor: float, scaled: np.ndarray) -> None:
    """Normalise depth (H, W), mm, to [-1, 1]; compiled: one pass instead of five."""
    one = np.float32(1)
    for row in range(depth.shape[0]):
        for column in range(depth.shape[1]):
            value = depth[row, column]
            inside = min(max((value - centre) * factor, -one), one)
            scaled[row, column] = inside if value > 0 else one  # NaN counts as no measurement
