"""Hands of coloured patches, and patches as plain arrays."""

import numpy as np
import pytest

from handkd.restoration import PatchDictionary


def draw_maps(count, seed=0, size=(48, 48), spread=2.5):
    """Discs cut into the 20 cells nearest to 20 points, which move a little from map to map: (count, H, W), uint8."""
    rng = np.random.default_rng(seed)
    points = np.random.default_rng(7).uniform(0.15, 0.85, (20, 2)) * size  # the same hand, whatever the seed
    y, x = np.mgrid[: size[0], : size[1]]
    grid = np.stack([y, x], -1)[:, :, None]
    maps = np.empty((count, *size), np.uint8)
    for label_map in maps:
        moved = points + rng.normal(0, spread, points.shape) + rng.normal(0, spread, 2)
        distance = np.linalg.norm(grid - moved, axis=-1)
        label_map[:] = np.where(distance.min(-1) < 0.12 * max(size), distance.argmin(-1) + 1, 0)
    return maps


def cut_patches(maps, addresses):
    """The 27 x 27 patches around some pixels, (Q, 27, 27), background outside of the map."""
    padded = np.pad(maps, ((0, 0), (13, 13), (13, 13)))
    places = zip(*np.unravel_index(addresses, maps.shape))
    return np.stack([padded[n, y : y + 27, x : x + 27] for n, y, x in places])


def hamming(first, second):
    """How many labels differ, for each of the first patches each of the second."""
    return np.stack([(patch != second).sum((1, 2)) for patch in first])


@pytest.fixture(scope='session')
def maps():
    """Six small maps, the last one equal to the first."""
    drawn = draw_maps(6, size=(20, 17))
    drawn[5] = drawn[0]
    return drawn


@pytest.fixture(scope='session')
def dictionary(maps):
    return PatchDictionary(maps)
