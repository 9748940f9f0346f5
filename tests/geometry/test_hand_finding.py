"""The nearest hand in drawn scenes and in the studio's, and what a cube around it holds."""

import numpy as np
import pytest

from handkd.geometry import find_hand, in_cube
from handkd.geometry.hand_finding import INSIDE
from handkd.studio import StudioDataset

CAMERA = dict(K=np.array([[300.0, 0, 79.5], [0, 300.0, 59.5], [0, 0, 1]]))
SHAPE = (120, 160)


def paint(depth, center, radius):
    """Put a flat disc at a point (3,), mm, of a radius in mm, into a depth map, in front of what is there."""
    rows, columns = np.indices(depth.shape)
    u, v = (CAMERA['K'] @ (np.array(center) / center[2]))[:2]
    disc = (columns - u) ** 2 + (rows - v) ** 2 <= (300 * radius / center[2]) ** 2
    depth[disc & ((depth == 0) | (depth > center[2]))] = center[2]
    return depth


def find(depth, **known):
    """What is found, taken back to the surface that was painted."""
    center = find_hand(depth, CAMERA, **known)
    return center * (1 - INSIDE / center[2])


def test_the_nearest_surface_that_is_as_large_as_a_hand():
    depth = paint(np.zeros(SHAPE, np.float32), (-60, 10, 600), 50)
    depth = paint(depth, (90, -20, 500), 45)
    depth[20:22, 10:12] = 300  # flying pixels
    depth[0, 0] = np.nan
    np.testing.assert_allclose(find(depth), (90, -20, 500), atol=1)
    u, v = 79.5 - 30, 59.5 + 5
    np.testing.assert_allclose(find(depth, box=(u - 26, v - 26, 52, 52)), (-60, 10, 600), atol=1)
    wall = np.where(depth == 0, 1500, depth)
    np.testing.assert_allclose(find(wall), (90, -20, 500), atol=1)


def test_the_hand_is_at_the_end_of_its_arm():
    """Where the centre of mass alone would slide down the arm."""
    depth = np.zeros(SHAPE, np.float32)
    for y in range(0, 240, 4):
        paint(depth, (0, y, 500), 30)
    paint(depth, (0, -20, 500), 45)
    x, y, z = find(depth)
    assert abs(x) < 2 and z == pytest.approx(500, abs=1) and -20 < y < 30


def test_nothing_to_find():
    with pytest.raises(ValueError, match='there is no depth reading$'):
        find_hand(np.zeros(SHAPE), CAMERA)
    with pytest.raises(ValueError, match=r'no depth reading in the box \(1.0, 2.0, 3.0, 4.0\)'):
        find_hand(paint(np.zeros(SHAPE), (0, 0, 500), 40), CAMERA, box=(1, 2, 3, 4))
    small = paint(np.zeros(SHAPE), (30, 0, 500), 10)
    np.testing.assert_allclose(find(small), (30, 0, 500), atol=2)


@pytest.mark.parametrize('boxed', [False, True])
def test_how_far_from_the_true_joint(boxed):
    """The figures of find_hand's docstring, with forearms, on pictures of which the hand is a third."""
    studio = StudioDataset(split='test', length=24, modalities=('depth',), resolution=160, factor=3.0)
    errors = []
    for i in range(24):
        sample = studio.get_data_info(i)
        low, high = sample['keypoints'][0].min(0), sample['keypoints'][0].max(0)
        box = (*low, *(high - low)) if boxed else None
        found = find_hand(sample['depth'], sample['camera'], box=box)
        errors.append(np.linalg.norm(found - sample['keypoints_cam'][0, 9]))
    assert np.median(errors) < 30
    assert np.quantile(errors, 0.9) < (55 if boxed else 75)


def test_what_a_cube_holds_by_its_formula():
    rng = np.random.default_rng(0)
    depth = rng.uniform(350, 650, SHAPE)
    depth[:3], depth[3, :9], depth[4, :9] = 0, np.nan, np.inf
    center = np.array([20.0, -30.0, 500.0])
    rows, columns = np.indices(SHAPE)
    points = np.stack([(columns - 79.5) / 300 * depth, (rows - 59.5) / 300 * depth, depth], -1)
    expected = (np.abs(points - center) <= 60).all(-1)
    np.testing.assert_array_equal(in_cube(depth, CAMERA, center, 120), expected)
    assert 100 < expected.sum() < expected.size / 4
