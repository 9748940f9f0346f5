"""The compiled resampling against a transcription in floats, and against OpenCV."""

import cv2
import numpy as np
import pytest

from handkd.geometry import crop_matrix, flip_matrix
from handkd.geometry.resampling import warp_picture as warp_picture_into
from handkd.geometry.resampling import warp_planes as warp_planes_into


def warp_picture(image, inverse, size, border):
    """Return a new image of (width, height) ``size``."""
    out = np.full((size[1], size[0], 3), 77, np.uint8)
    warp_picture_into(image, inverse, border, out)
    return out


def warp_planes(planes, inverse, size):
    """Return new planes."""
    outs = {name: np.ones((size[1], size[0]), plane.dtype) for name, plane in planes.items()}
    warp_planes_into(list(planes.values()), inverse, list(outs.values()))
    return outs


def draw_case(seed):
    """An image, a map into a crop that may leave it, the crop's side, and a border value."""
    rng = np.random.default_rng(seed)
    height, width, size = (int(v) for v in rng.integers(2, 90, 3))
    turn = 0.0 if seed % 4 == 0 else rng.uniform(-180, 180)
    center, side = rng.uniform(-20, 100, 2), rng.uniform(5, 150)
    matrix = crop_matrix(center, side, size, turn, (bool(seed % 2), bool(seed % 3)))
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8), matrix, size, int(rng.integers(256))


def bilinear(image, inverse, size, border):
    """Blend the four neighbours of each point, those outside of the image being the border."""
    height, width = image.shape[:2]
    padded = np.full((height + 2, width + 2, 3), border, float)
    padded[1:-1, 1:-1] = image
    points = np.stack([*np.indices((size, size))[::-1], np.ones((size, size))], -1) @ inverse.T
    corner = np.floor(points[..., :2]).astype(int)
    result = np.zeros((size, size, 3))
    for dx in (0, 1):
        for dy in (0, 1):
            u, v = corner[..., 0] + dx, corner[..., 1] + dy
            weight = (1 - np.abs(points[..., 0] - u)) * (1 - np.abs(points[..., 1] - v))
            result += weight[..., None] * padded[np.clip(v + 1, 0, height + 1), np.clip(u + 1, 0, width + 1)]
    return result


@pytest.mark.parametrize('seed', range(60))
def test_pictures_agree_with_floats(seed):
    image, matrix, size, border = draw_case(seed)
    inverse = np.linalg.inv(matrix)
    # Of noise, the steepest image there is, 1/256 px off in x and y changes up to 2 levels, and rounding half of one.
    found = warp_picture(image, inverse, (size, size), border)
    assert np.abs(found - bilinear(image, inverse, size, border)).max() < 3
    smooth = cv2.GaussianBlur(image, (0, 0), 2)
    if min(smooth.shape[:2]) > 1:
        error = warp_picture(smooth, inverse, (size, size), border) - bilinear(smooth, inverse, size, border)
        assert np.abs(error.mean()) < 0.2


@pytest.mark.parametrize('seed', range(20))
def test_pictures_agree_with_opencv(seed):
    image, matrix, size, border = draw_case(seed)
    image = cv2.GaussianBlur(image, (0, 0), 2)
    expected = cv2.warpAffine(image, matrix[:2], (size, size), flags=cv2.INTER_LINEAR, borderValue=(border,) * 3)
    found = warp_picture(image, np.linalg.inv(matrix), (size, size), border)
    # OpenCV's points are multiples of 1/32 px, which shows most where the border begins.
    difference = np.abs(found.astype(int) - expected)
    assert (difference <= 2).mean() > 0.97 and difference.max() <= 12


def test_a_plain_colour_stays_and_outside_is_the_border():
    image = np.full((20, 30, 3), (7, 130, 255), np.uint8)
    inverse = np.linalg.inv(crop_matrix(np.array([15.0, 10.0]), 8.0, 50, 33.3))
    assert (warp_picture(image, inverse, (50, 50), 0) == (7, 130, 255)).all()
    inverse = np.linalg.inv(crop_matrix(np.array([150.0, 10.0]), 8.0, 50, 33.3))
    assert (warp_picture(image, inverse, (50, 50), 128) == 128).all()


@pytest.mark.parametrize(('horizontal', 'vertical'), [(False, False), (True, False), (False, True), (True, True)])
def test_whole_pixels_are_copied(horizontal, vertical):
    rng = np.random.default_rng(0)
    image, depth = rng.integers(0, 256, (13, 17, 3), dtype=np.uint8), rng.random((13, 17), np.float32)
    inverse = flip_matrix((17, 13), horizontal, vertical)
    step = (slice(None, None, -1 if vertical else 1), slice(None, None, -1 if horizontal else 1))
    np.testing.assert_array_equal(warp_picture(image, inverse, (17, 13), 9), image[step])
    np.testing.assert_array_equal(warp_planes({'depth': depth}, inverse, (17, 13))['depth'], depth[step])


@pytest.mark.parametrize('seed', range(30))
def test_planes_take_the_nearest_pixel(seed):
    image, matrix, size, _ = draw_case(seed)
    inverse, (height, width) = np.linalg.inv(matrix), image.shape[:2]
    depth = np.arange(1, height * width + 1, dtype=np.float32).reshape(height, width)
    planes = {'depth': depth, 'mask': depth % 2 == 0, 'parts': (depth % 251).astype(np.uint8)}
    found = warp_planes(planes, inverse, (size, size))
    points = (np.stack([*np.indices((size, size))[::-1], np.ones((size, size))], -1) @ inverse.T)[..., :2]
    u, v = np.moveaxis(np.floor(points + 0.5).astype(int), -1, 0)
    inside = (u >= 0) & (v >= 0) & (u < width) & (v < height)
    expected = np.where(inside, depth[v.clip(0, height - 1), u.clip(0, width - 1)], 0)
    # A point on the border of two pixels may go to either.
    sure = (np.abs(points + 0.5 - np.rint(points + 0.5)) > 2e-3).all(-1)
    np.testing.assert_array_equal(found['depth'][sure], expected[sure])
    for name, plane in planes.items():
        assert found[name].dtype == plane.dtype and found[name].shape == (size, size)
    chosen = found['depth'] > 0
    np.testing.assert_array_equal(found['mask'], chosen & (found['depth'] % 2 == 0))
    np.testing.assert_array_equal(found['parts'], np.where(chosen, found['depth'] % 251, 0))


def test_maps_that_shear_stretch_and_shrink():
    """Oblong results, and steps of many pixels."""
    rng = np.random.default_rng(1)
    depth = rng.random((70, 50), np.float32)
    inverse = np.array([[9.3, 2.0, -40.0], [-1.0, 0.2, 33.0], [0, 0, 1]])
    expected = cv2.warpAffine(
        depth, inverse[:2], (31, 200), flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP, borderValue=0
    )
    found = warp_planes({'depth': depth}, inverse, (31, 200))['depth']
    assert found.shape == (200, 31) and (found != expected).mean() < 0.01 and found.any()
