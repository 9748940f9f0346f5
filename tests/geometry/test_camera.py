"""Projection against OpenCV, its inverse, and what affine maps do to a camera."""

import cv2
import numpy as np
import pytest

from handkd.geometry import affine_camera, axis_angle_to_matrix, project, split_affine, unproject

INTRINSICS = np.array([[480.0, 3.0, 150.5], [0.0, 520.0, 110.25], [0.0, 0.0, 1.0]])
DISTORTION = np.array([-0.12, 0.05, 0.004, -0.006, 0.01])
LM_DISTORTION = np.array([0.092701, -0.175877, -0.0035687, -0.00302299, 0.0])


def camera(dist=None, skew=0.0):
    intrinsics = INTRINSICS.copy()
    intrinsics[0, 1] = skew
    pose = dict(R=axis_angle_to_matrix([0.3, -0.7, 1.1]), T=np.array([20.0, -30.0, 500.0]))
    return dict(K=intrinsics, **pose) if dist is None else dict(K=intrinsics, dist=dist, **pose)


@pytest.mark.parametrize('dist', [None, DISTORTION])
def test_projection_is_opencvs(points, dist):
    expected, _ = cv2.projectPoints(points.reshape(-1, 1, 3), np.zeros(3), np.zeros(3), camera()['K'], dist)
    np.testing.assert_allclose(project(points, camera(dist)), expected.reshape(4, 21, 2), atol=1e-9)


def test_skew_shifts_along_x(points):
    shift = project(points, camera(skew=3.0)) - project(points, camera())
    np.testing.assert_allclose(shift[..., 0], 3 * points[..., 1] / points[..., 2])
    np.testing.assert_allclose(shift[..., 1], 0)


@pytest.mark.parametrize('dist', [None, DISTORTION])
def test_unproject_inverts_project(points, dist):
    cam = camera(dist, skew=3.0)
    np.testing.assert_allclose(unproject(project(points, cam), points[..., 2], cam), points, atol=1e-7)


@pytest.mark.parametrize('dist', [None, DISTORTION])
def test_several_cameras_at_once(points, dist):
    cameras = [camera(dist, skew) for skew in (0.0, 3.0, -2.0, 1.0)]
    for i, cam in enumerate(cameras):
        cam['K'][0, 0] += 50 * i
        if dist is not None:
            cam['dist'] = dist * (i - 1)
    together = {key: np.stack([cam[key] for cam in cameras]) for key in cameras[0]}
    pixels = project(points, together)
    np.testing.assert_allclose(pixels, [project(*pair) for pair in zip(points, cameras)], atol=1e-12)
    singly = [unproject(at, hand[:, 2], cam) for at, hand, cam in zip(pixels, points, cameras)]
    np.testing.assert_allclose(unproject(pixels, points[..., 2], together), singly, atol=1e-12)


@pytest.mark.parametrize('seed', range(5))
def test_split_affine(seed):
    linear = np.random.default_rng(seed).normal(size=(2, 2))
    upper, orthogonal = split_affine(linear)
    np.testing.assert_allclose(upper @ orthogonal, linear, atol=1e-14)
    np.testing.assert_allclose(orthogonal @ orthogonal.T, np.eye(2), atol=1e-14)
    assert upper[1, 0] == 0 and (np.diag(upper) > 0).all()
    assert np.sign(np.linalg.det(orthogonal)) == np.sign(np.linalg.det(linear))


@pytest.mark.parametrize('linear', [np.zeros((2, 2)), [[1.0, 2.0], [2.0, 4.0]], [[np.nan, 0.0], [0.0, 1.0]]])
def test_split_affine_refuses_singular_maps(linear):
    with pytest.raises(ValueError, match='invertible'):
        split_affine(linear)


@pytest.mark.parametrize('dist', [None, DISTORTION])
@pytest.mark.parametrize('mirrored', [False, True])
@pytest.mark.parametrize('seed', range(4))
def test_moved_camera_sees_moved_pixels(points, dist, mirrored, seed):
    rng = np.random.default_rng(seed)
    affine = np.eye(3)
    affine[:2] = rng.normal(size=(2, 3))
    if (np.linalg.det(affine) < 0) != mirrored:
        affine[0] *= -1
    before = camera(dist, skew=3.0)
    after, move = affine_camera(before, affine)

    moved_pixels = project(points, before) @ affine[:2, :2].T + affine[:2, 2]
    np.testing.assert_allclose(project(points @ move.T, after), moved_pixels, atol=1e-9)
    np.testing.assert_array_equal(move[2], [0, 0, 1])  # depth stays

    assert np.linalg.det(move) == pytest.approx(-1 if mirrored else 1)
    assert np.linalg.det(after['R']) == pytest.approx(1)
    world = (points - before['T']) @ before['R']
    world = world * [-1, 1, 1] if mirrored else world
    np.testing.assert_allclose(world @ after['R'].T + after['T'], points @ move.T, atol=1e-9)


def test_affine_camera_leaves_its_argument(points):
    cam = camera(DISTORTION)
    copy = {key: value.copy() for key, value in cam.items()}
    affine_camera(cam, np.array([[-1.0, 0, 99], [0, 2, 0], [0, 0, 1]]))
    for key, value in copy.items():
        np.testing.assert_array_equal(cam[key], value)


def test_in_plane_rotation_turns_the_camera_about_its_axis():
    """With square pixels, turning the image by a gives R' = R_z(a) R, and the intrinsics stay (Rhodin et al. 2018)."""
    cam = dict(camera(), K=np.array([[500.0, 0, 64], [0, 500.0, 64], [0, 0, 1]]))
    turn = axis_angle_to_matrix([0, 0, 0.4])
    about_centre = np.eye(3)
    about_centre[:2, :2] = turn[:2, :2]
    about_centre[:2, 2] = 64 - turn[:2, :2] @ [64, 64]
    after, move = affine_camera(cam, about_centre)
    np.testing.assert_allclose(move, turn, atol=1e-12)
    np.testing.assert_allclose(after['R'], turn @ cam['R'], atol=1e-12)
    np.testing.assert_allclose(after['K'], cam['K'], atol=1e-10)
