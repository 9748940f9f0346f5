"""Registration against what a plane and a step must look like from another camera, in closed form."""

import cv2
import numpy as np
import pytest

from handkd.geometry import axis_angle_to_matrix, change_camera, project, register_depth, register_image

SOURCE = dict(
    K=np.array([[250.0, 0, 80], [0, 240, 60], [0, 0, 1]]),
    R=axis_angle_to_matrix([0.2, -0.1, 0.3]),
    T=np.array([10.0, 5, -7]),
)
SIZE = (200, 150)


def beside(shift, turn=(0.0, 0, 0), scale=1.3, dist=None):
    """A camera whose frame is x = R x_source + shift, in the source's world."""
    rotation = axis_angle_to_matrix(turn)
    camera = dict(
        K=np.array([[250.0 * scale, 0, 100], [0, 240 * scale, 75], [0, 0, 1]]),
        R=rotation @ SOURCE['R'],
        T=rotation @ SOURCE['T'] + np.array(shift),
    )
    return camera if dist is None else dict(camera, dist=np.array(dist))


def rays(camera, size):
    u, v = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    return np.stack([u, v, np.ones_like(u)], -1) @ np.linalg.inv(camera['K']).T


def plane_depth(camera, size, normal, offset):
    """The depth map of {x in the camera's frame: normal . x = offset}."""
    return (offset / (rays(camera, size) @ normal)).astype(np.float32)


def test_points_change_camera_through_the_world():
    target = beside([24.0, -3, 2], (0.1, 0.05, -0.2))
    world = np.random.default_rng(0).normal(size=(4, 3)) * 100
    source, moved = (world @ camera['R'].T + camera['T'] for camera in (SOURCE, target))
    np.testing.assert_allclose(change_camera(source, SOURCE, target), moved, atol=1e-10)
    np.testing.assert_allclose(change_camera(world, dict(K=np.eye(3)), target), moved, atol=1e-10)


@pytest.mark.parametrize('turn', [(0, 0, 0), (0.01, -0.02, 0.005), (0, 0, 0.7)], ids=str)
@pytest.mark.parametrize('scale', [0.6, 1.0, 1.3, 2.7])
@pytest.mark.parametrize('normal', [(0.0, 0, 1), (0.35, -0.5, 0.8)], ids=['facing', 'slanted'])
def test_a_plane_stays_a_plane_without_holes(normal, scale, turn):
    normal = np.array(normal) / np.linalg.norm(normal)
    target = beside([24.0, -3, 2], turn, scale)
    depth = plane_depth(SOURCE, (160, 120), normal, 500.0)
    found = register_depth(depth, SOURCE, target, SIZE)

    rotation = target['R'] @ SOURCE['R'].T
    turned = rotation @ normal
    expected = plane_depth(target, SIZE, turned, 500.0 + turned @ (target['T'] - rotation @ SOURCE['T']))
    back = project(change_camera(rays(target, SIZE) * expected[..., None], target, SOURCE), SOURCE)
    inside = ((back >= 0.0) & (back <= (159, 119))).all(-1)
    outside = ((back < -1.0) | (back > (160, 120))).any(-1)
    assert inside.sum() > 2000
    assert (found[inside] > 0).all(), 'holes'
    assert (found[outside] == 0).all()
    np.testing.assert_allclose(found[inside], expected[inside], atol=0.03)


@pytest.mark.parametrize('scale', [1.0, 1.28, 2.0])
def test_a_curved_surface_in_whole_millimetres_has_no_holes(scale):
    """Rounding to mm makes neighbours move by unequal amounts, which must tear nothing."""
    target = beside([24.0, 0, 0], (0.005, -0.012, 0.003), scale)
    u, v = np.meshgrid(np.arange(160), np.arange(120))
    ball = 90.0**2 - ((u - 80) * 1.6) ** 2 - ((v - 60) * 1.6) ** 2
    depth = np.where(ball > 40**2, np.rint(400 - np.sqrt(np.maximum(ball, 0))), 0).astype(np.float32)
    found = register_depth(depth, SOURCE, target, (300, 240)) > 0
    filled = cv2.morphologyEx(found.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5)))
    interior = cv2.erode(filled, np.ones((7, 7))) > 0
    assert interior.sum() > 3000 and (interior & ~found).sum() == 0


def test_the_lens_of_the_target_is_heeded():
    target = beside([0.0, 0, 0], scale=1.0, dist=[-0.6, 0.1, 0.004, -0.003, 0])
    depth = np.zeros((120, 160), np.float32)
    depth[4, 6] = 400.0
    found = register_depth(depth, SOURCE, target, SIZE)
    (place,) = np.argwhere(found)[:, ::-1]
    ray = np.array([(6 - 80) / 250, (4 - 60) / 240, 1.0])
    np.testing.assert_allclose(place, project(400 * ray, target), atol=0.5)
    assert np.abs(place - project(400 * ray, dict(target, dist=None))).max() > 2


def step(near=300.0, far=600.0, columns=(40, 80)):
    depth = np.full((120, 160), far, np.float32)
    depth[:, columns[0] : columns[1]] = near
    return depth


def test_a_step_hides_what_is_behind_it_and_uncovers_nothing():
    target = dict(SOURCE, T=SOURCE['T'] + [24.0, 0, 0])  # moves near pixels by 250 * 24 / 300 = 20, far ones by 10
    row = register_depth(step(), SOURCE, target, (160, 120))[60]
    expected = np.zeros(160)
    expected[10:] = 600.0
    expected[50:60] = 0  # behind the near stripe when seen from the source
    expected[60:100] = 300.0  # hides the far columns 90..99
    np.testing.assert_allclose(row[10:], expected[10:], atol=1e-3)
    assert (row[:10] == 0).all()


def test_no_reading_gives_none_and_points_behind_the_target_are_dropped():
    depth = np.zeros((120, 160), np.float32)
    assert not register_depth(depth, SOURCE, beside([0.0, 0, 0]), SIZE).any()
    assert not register_depth(depth + 300, SOURCE, beside([0.0, 0, -400]), SIZE).any()


def test_an_image_is_looked_up_through_the_depth():
    target = SOURCE
    camera = dict(SOURCE, T=SOURCE['T'] + [24.0, 0, 0])  # took the image: the point at depth z lies 6000 / z px righter
    image = np.zeros((120, 220, 3), np.uint8)
    image[..., 0], image[..., 1] = np.arange(220), np.arange(120)[:, None]
    depth = step()
    depth[5] = 0
    found = register_image(image, camera, depth, target)
    columns = np.arange(160)
    shift = np.where((columns >= 40) & (columns < 80), 20, 10)
    np.testing.assert_array_equal(found[60, :, 0], columns + shift)
    np.testing.assert_array_equal(found[60, :, 1], 60)
    assert not found[5].any() and found.dtype == np.uint8
    outside = register_image(np.full((120, 100), 9, np.uint8), camera, depth, target)
    np.testing.assert_array_equal(outside[60], np.where(columns + shift <= 99, 9, 0))
