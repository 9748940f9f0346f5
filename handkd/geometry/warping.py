"""Affine warping of a picture: bilinear, and averaged over the area of each new pixel where the picture shrinks."""

from __future__ import annotations

from math import ceil, floor

import cv2
import numpy as np

from .crops import resize_matrix
from .resampling import warp_picture

STEP = 1.5
"""Largest distance of neighbouring samples of the old image, in its pixels, without averaging."""
MAX_SUPERSAMPLING = 8
"""Finest grid inside one pixel; a finer one would take more time than the remaining aliasing justifies."""


def warp_image(image: np.ndarray, inverse: np.ndarray, border: int, out: np.ndarray) -> None:
    """Interpolate bilinearly; where the image shrinks, at n x n points a pixel that are then averaged.

    Args:
        image: Shape (H, W, 3), uint8.
        inverse: Pixels of the result -> pixels of the image, shape (3, 3), last row (0, 0, 1).
        border: Value outside the image.
        out: The result, shape (height, width, 3), uint8.
    """
    image, inverse = _what_is_seen(image, inverse, out.shape)
    shrink = abs(inverse[0, 0] * inverse[1, 1] - inverse[0, 1] * inverse[1, 0]) ** 0.5
    n = min(ceil(shrink / STEP - 1e-9), MAX_SUPERSAMPLING)
    if n == 1:
        warp_picture(image, inverse, border, out)
        return
    size = (out.shape[1], out.shape[0])
    fine = (size[0] * n, size[1] * n)
    warped = np.empty((fine[1], fine[0], 3), np.uint8)
    warp_picture(image, inverse @ resize_matrix(fine, size), border, warped)
    cv2.resize(warped, size, dst=out, interpolation=cv2.INTER_AREA)


def _what_is_seen(image: np.ndarray, inverse: np.ndarray, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return the part of an image that a result of the shape needs, and the map to its pixels.

    The cost is then that of the crop, not of a large image: resampling copies its whole input.
    """
    left, right = _span(inverse[0].tolist(), image.shape[1], shape)
    top, bottom = _span(inverse[1].tolist(), image.shape[0], shape)
    moved = inverse.copy()
    moved[0, 2] -= left
    moved[1, 2] -= top
    return image[top:bottom, left:right], moved


def _span(row: list[float], length: int, shape: tuple[int, ...]) -> tuple[int, int]:
    """Return the first and last + 1 of an image's columns, or rows, reached by one row of the map to it.

    There is a margin of two for blending, but none beyond the image: its edge stays its edge.
    """
    ends = sorted((-0.5 * row[0], (shape[1] - 0.5) * row[0])), sorted((-0.5 * row[1], (shape[0] - 0.5) * row[1]))
    low = min(max(floor(ends[0][0] + ends[1][0] + row[2]) - 2, 0), length - 1)
    return low, min(max(ceil(ends[0][1] + ends[1][1] + row[2]) + 3, low + 1), length)
