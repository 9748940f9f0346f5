"""Views and crops."""

from __future__ import annotations

import numpy as np
import pytest

from handkd.studio.framing import crop_intrinsics, project_joints, random_rotation, upright_rotation


def test_random_rotations_are_rotations_without_preference():
    rng = np.random.default_rng(0)
    out = np.empty((2000, 3, 3))
    for m in out:
        random_rotation(*rng.random(3), m)
    np.testing.assert_allclose(out @ out.transpose(0, 2, 1), np.broadcast_to(np.eye(3), out.shape), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(out), 1)
    assert np.abs(out.mean(0)).max() < 0.06, 'Haar measure has mean 0'
    np.testing.assert_allclose((out**2).mean(0), 1 / 3, atol=0.03)


def test_upright_rotations_stay_within_their_angle_of_a_hand_that_shows_palm_or_back():
    rng = np.random.default_rng(0)
    out = np.empty((2000, 3, 3))
    for m in out:
        upright_rotation(*rng.random(4), np.radians(50), m)
    np.testing.assert_allclose(out @ out.transpose(0, 2, 1), np.broadcast_to(np.eye(3), out.shape), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(out), 1)
    to_camera = np.diag([1.0, -1.0, -1.0])  # fingers up, palm towards the camera, lateral = along x palmar
    away = np.diag([-1.0, -1.0, 1.0])
    angles = [np.degrees(np.arccos((np.einsum('nij,ij->n', out, m) - 1) / 2)) for m in (to_camera, away)]
    assert np.minimum(*angles).max() <= 50 + 1e-6
    assert abs((angles[0] < angles[1]).mean() - 0.5) < 0.05
    np.testing.assert_allclose(np.mean(np.minimum(*angles) < 25), 1 / 8, atol=0.03)


@pytest.mark.parametrize(('factor', 'shift'), [(1.0, (0.0, 0.0)), (1.5, (0.1, -0.2))])
def test_crop_is_an_affine_of_the_whole_camera(factor, shift):
    points = np.random.default_rng(1).normal((20, -30, 500), (60, 40, 30), (21, 3))
    whole = np.array([[600.0, 0, 319.5], [0, 600.0, 239.5], [0, 0, 1]])
    pixels = (points / points[:, 2:]) @ whole[:2].T
    low, high = pixels.min(0), pixels.max(0)
    side = (high - low).max() * factor
    corner = (low + high) / 2 + np.array(shift) * side - side / 2
    expected = (pixels - corner) * 64 / side - 0.5  # edges of the square land on -0.5 and 63.5
    intrinsics = np.empty(3)
    crop_intrinsics(points, 600.0, 319.5, 239.5, factor, *shift, 64, intrinsics)
    keypoints, visible, box = np.empty((21, 2), np.float32), np.empty(21, np.float32), np.empty(4, np.float32)
    project_joints(points, intrinsics, 64, keypoints, visible, box)
    np.testing.assert_allclose(keypoints, expected, atol=1e-4)
    np.testing.assert_array_equal(visible, ((expected > -0.5) & (expected < 63.5)).all(1))
    np.testing.assert_allclose(box, [*expected.min(0), *expected.max(0)], atol=1e-4)
