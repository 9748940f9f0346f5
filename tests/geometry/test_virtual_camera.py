"""A virtual camera sees its square upright, and the pictures of two cameras at one place agree."""

import cv2
import numpy as np

from handkd.geometry import project
from handkd.geometry.virtual_camera import look_up, points_per_pixel, turn_picture, turn_points, virtual_camera

OLD = dict(K=np.array([[[200.0, 0, 100], [0, 210.0, 80], [0, 0, 1]]]))


def test_the_square_fills_the_view_of_its_camera():
    center, side = np.array([[130.0, 60.0]]), np.array([50.0])
    new, move = virtual_camera(center, side, np.zeros(1), OLD, 64)
    np.testing.assert_allclose(turn_points(center[:, None], move, OLD, new), [[[31.5, 31.5]]], atol=1e-9)
    points = np.random.default_rng(0).normal(size=(1, 9, 3)) * 20 + (60, -40, 500)
    seen = turn_points(project(points, OLD), move, OLD, new)
    np.testing.assert_allclose(seen, project(points @ np.swapaxes(move, 1, 2), new), atol=1e-9)
    assert points_per_pixel(move, OLD, new, 64) == [1]
    assert points_per_pixel(move, OLD, dict(K=new['K'] * [[[0.2], [0.2], [1]]]), 64) == [4]


def test_a_spot_is_where_its_pixel_is():
    center = np.array([[130.0, 60.0]])
    new, move = virtual_camera(center, np.array([50.0]), np.zeros(1), OLD, 64)
    rows, columns = np.indices((160, 200))
    light = 255 * np.exp(-((columns - 140) ** 2 + (rows - 55) ** 2) / 18)
    rays = (np.swapaxes(move, 1, 2) @ np.linalg.inv(new['K']))[0]
    for fine in (1, 2):
        maps = cv2.convertMaps(*look_up(64, fine, rays, OLD['K'][0], np.zeros(5)), cv2.CV_16SC2)
        seen = np.empty((64, 64, 3), np.uint8)
        turn_picture(np.repeat(light.astype(np.uint8)[..., None], 3, 2), maps, fine, 0, seen)
        expected = turn_points(np.array([[[140.0, 55.0]]]), move, OLD, new)[0, 0]
        rows, columns = np.indices((64, 64))
        found = [(axis * seen[..., 0]).sum() / seen[..., 0].sum() for axis in (columns, rows)]
        np.testing.assert_allclose(found, expected, atol=0.1)
