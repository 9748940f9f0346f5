"""Images of 3D point clouds."""

from __future__ import annotations

import cv2
import numpy as np

from handkd.skeleton_drawing import SUPERSAMPLING, light_square

_RADIUS = 0.014
"""Radius of a point relative to the side of the image."""
_PALENESS = 0.65
"""Share of white in the farthest points' colours."""


def draw_points(points: np.ndarray, size: int = 256, reach: float | None = None) -> np.ndarray:
    """Draw points orthographically, coloured by index, on a light square.

    The frame's origin is in the middle: rotated about it, the points stay in the image, and each keeps its colour.
    Far points are paler, and behind the others.

    Args:
        points: In camera axes (x right, y down, z away), shape (N, 3), any unit.
        size: Side of the image in px. Defaults to 256.
        reach: Distance from the origin that just fits into the image. Defaults to None: that of the farthest point.

    Returns:
        The image, BGR, uint8, shape (size, size, 3).

    Raises:
        ValueError: If there is no point, or one is not finite.
    """
    points = np.asarray(points, np.float64)
    if points.ndim != 2 or points.shape[1] != 3 or not len(points) or not np.isfinite(points).all():
        raise ValueError(f'expected finite points of shape (N, 3), found {points.shape}')
    reach = max(np.linalg.norm(points, axis=1).max() if reach is None else reach, 1e-9)
    canvas = light_square(SUPERSAMPLING * size)
    side = len(canvas)
    radius = round(_RADIUS * side)
    places = points[:, :2] / reach * (side / 2 - radius - 2) + (side - 1) / 2
    paleness = _PALENESS * np.clip(points[:, 2:] / reach + 1, 0, 2) / 2
    colors = point_colors(len(points)) * (1 - paleness) + 255 * paleness
    for i in np.argsort(-points[:, 2], kind='stable'):
        at = tuple(int(v) for v in np.clip(places[i], -side, 2 * side).round())
        cv2.circle(canvas, at, radius, colors[i].round().tolist(), -1, cv2.LINE_AA)
    return cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA)


def point_colors(number: int) -> np.ndarray:
    """Return BGR colours for points, evenly spaced on the colour circle, shape (number, 3), uint8."""
    hues = (np.arange(number) * 180 / max(number, 1)).astype(np.uint8)
    circle = np.stack([hues, np.full_like(hues, 210), np.full_like(hues, 215)], axis=-1)
    return cv2.cvtColor(circle[None], cv2.COLOR_HSV2BGR)[0]
