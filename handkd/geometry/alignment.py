"""Similarity alignment of point sets: the Procrustes problem, in closed form."""

from __future__ import annotations

import numpy as np


def align_similarity(points: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Rotate, scale and shift each point set onto its target with least squared error; never mirror it.

    The rotation is Kabsch's and Umeyama's (1991, Eq. 40-42): with U S V^T the singular value decomposition of the
    covariance, R = V diag(1, 1, d) U^T, where d = sign(det(U V^T)) keeps it a rotation, and the scale is
    tr(S diag(1, 1, d)) over the points' spread.

    Args:
        points: Point sets, shape (..., K, 3), any unit, any frame.
        target: Target of each set, of the same shape; the result has its unit and frame.

    Returns:
        The aligned points, shape (..., K, 3), float64. A set whose points all coincide is shifted only.

    Raises:
        ValueError: If the shapes differ, or the last dimension is not 3.
    """
    points, target = np.asarray(points, np.float64), np.asarray(target, np.float64)
    if points.shape != target.shape or points.shape[-1] != 3:
        raise ValueError(f'points and target must both be (..., K, 3), found {points.shape} and {target.shape}')
    centre = target.mean(-2, keepdims=True)
    x, y = points - points.mean(-2, keepdims=True), target - centre
    u, singular, vt = np.linalg.svd(np.swapaxes(x, -1, -2) @ y)
    signs = np.ones_like(singular)
    signs[..., 2] = np.where(np.linalg.det(u @ vt) < 0, -1.0, 1.0)
    rotation = u @ (signs[..., None] * vt)  # acts on row vectors: x @ rotation
    spread = (x**2).sum((-1, -2))
    scale = (singular * signs).sum(-1) / np.where(spread > 0, spread, 1.0)
    return scale[..., None, None] * (x @ rotation) + centre
