"""What the studio's tests share: scenes drawn once, and scalar ray casting written apart from the renderer's."""

from __future__ import annotations

import numpy as np
import pytest

from handkd.studio import StudioDataset
from handkd.studio.occluders import ALL_CONES
from handkd.studio.sample import draw_sample


@pytest.fixture(scope='session')
def draws():
    """200 draws of the train split and the settings behind them; bare arms, since a sleeve is open at its end."""
    bare = {'sleeve': 0.0, 'front': 0.2, 'stick': 0.2}
    settings = StudioDataset('train', 200, modalities=('depth',), resolution=64, randomisation=bare).settings
    return settings, [draw_sample(settings, k) for k in range(200)]


def _least(gap, count: int) -> np.ndarray:
    """Minima on [0, 1] of ``count`` convex functions at once, by golden sections."""
    g = (5**0.5 - 1) / 2
    a, b = np.zeros(count), np.ones(count)
    for _ in range(60):
        c, d = b - g * (b - a), a + g * (b - a)
        left = gap(c) < gap(d)
        a, b = np.where(left, a, c), np.where(left, d, b)
    return np.minimum(np.minimum(gap((a + b) / 2), gap(np.zeros(count))), gap(np.ones(count)))


def hull_distance(point: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Signed distance (mm) of a point to hulls of pairs of spheres (n, 4): the least over the spheres between them.

    None of the renderer's formulas: the spheres between two have centre and radius in proportion, and the distance to
    the nearest of them is found by search.
    """

    def gap(t: np.ndarray) -> np.ndarray:
        ball = first + t[:, None] * (second - first)
        return np.linalg.norm(point - ball[:, :3], axis=1) - ball[:, 3]

    return _least(gap, len(first))


def triangle_distance(point: np.ndarray, a: np.ndarray, b: np.ndarray, c: np.ndarray) -> float:
    """Signed distance (mm) of a point to the hull of three spheres (4,): a search over hulls of two."""
    return float(_least(lambda t: hull_distance(point, np.repeat(a[None], len(t), 0), b + t[:, None] * (c - b)), 1)[0])


def first_hit(ray: np.ndarray, spheres: np.ndarray) -> float:
    """Depth (mm) at which a ray (z = 1) from the camera first meets a rounded cone, by sphere tracing, or infinity."""
    drawn = ALL_CONES[spheres[ALL_CONES[:, 0], 3] >= 0]
    first, second = spheres[drawn[:, 0]], spheres[drawn[:, 1]]
    z = 5.0
    while z < 2000:
        gap = hull_distance(ray * z, first, second).min()
        if gap < 1e-4:
            return z
        z += gap / np.linalg.norm(ray)
    return np.inf
