"""Buffers in which an image of the studio is rendered."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Workspace(NamedTuple):
    """Buffers of one image size, reused between images: allocating them would cost more than the arithmetic."""

    z: np.ndarray
    """(H, W) float64 depth, mm."""
    ids: np.ndarray
    """(H, W) uint8 primitive ids."""
    soft: np.ndarray
    """(H, W) uint8: 0 not smoothed, 1 skin, 2 cloth."""
    normals: np.ndarray
    """(H, W, 3) float32; also ``other``, ``light`` and ``mixed``."""
    other: np.ndarray
    light: np.ndarray
    mixed: np.ndarray
    zmap: np.ndarray
    """(S, S) float64 depth from the light; also ``cover`` and ``scratch``."""
    cover: np.ndarray
    scratch: np.ndarray
    shadow_ids: np.ndarray
    """(S, S) uint8."""


def make_workspace(size: int) -> Workspace:
    """Allocate the buffers for images of ``size`` x ``size`` px; the shadow map grows with them."""
    side = 40 + size * 5 // 16
    image, shadow = (size, size, 3), (side, side)
    return Workspace(
        np.empty((size, size)), np.empty((size, size), np.uint8), np.empty((size, size), np.uint8),
        np.empty(image, np.float32), np.empty(image, np.float32), np.empty(image, np.float32),
        np.empty(image, np.float32), np.empty(shadow), np.empty(shadow), np.empty(shadow), np.empty(shadow, np.uint8),
    )  # fmt: skip
