"""Scenes: the hand stands before the camera as the palm frame says, and the forearm does not hide it."""

from __future__ import annotations

import numpy as np

from handkd.studio import StudioDataset
from handkd.studio.anatomy import ARM_FRAME, SPHERE_INDEX
from handkd.studio.scene import FOREARM_CONE, view_scene


def test_joints_are_the_palm_joints_in_camera_axes(draws):
    for draw in draws[1][:50]:
        scene = draw.scene
        expected = scene.palm_joints @ scene.pose[:, :3].T + scene.pose[:, 3]
        np.testing.assert_allclose(scene.joints, expected, atol=1e-9)
        assert np.linalg.det(scene.pose[:, :3]) * (-1 if draw.side == 'left' else 1) > 0.99
        np.testing.assert_allclose(scene.spheres[SPHERE_INDEX['index_pip'], :3], scene.joints[6], atol=1e-9)
        assert (scene.joints[:, 2] > 150).all()


def test_forearms_rarely_point_at_the_camera(draws):
    towards = []
    for draw in draws[1]:
        ray = draw.scene.joints[9] / np.linalg.norm(draw.scene.joints[9])
        towards.append(ray @ draw.scene.frames[ARM_FRAME][:, 1])
    assert np.mean(np.array(towards) > FOREARM_CONE + 0.02) < 0.02
    assert min(towards) < -0.8, 'other directions all occur'


def test_another_view_is_a_rigid_motion(draws):
    scene = draws[1][0].scene
    angle = 0.7
    rotation = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    moved = view_scene(scene, rotation, np.array([5.0, -3.0, 40.0]), np.array([300.0, 32.0, 32.0]))
    np.testing.assert_allclose(moved.joints, scene.joints @ rotation.T + [5, -3, 40])
    np.testing.assert_allclose(moved.palm_joints @ moved.pose[:, :3].T + moved.pose[:, 3], moved.joints, atol=1e-9)
    np.testing.assert_allclose(np.diff(moved.spheres[:, 3]), np.diff(scene.spheres[:, 3]))


def test_the_hand_lies_in_the_given_share_of_the_whole_image():
    settings = dict(preset='none', focal=(600.0, 600.0))
    for offset, largest in ((0.7, 224.0), (0.2, 64.0), (0.0, 0.0)):
        dataset = StudioDataset('train', 60, randomisation=dict(settings, offset=offset))
        joints = np.stack([dataset.get_labels(i)['keypoints_cam'][0, 9] for i in range(60)])
        found = np.abs(600 * joints[:, 0] / joints[:, 2])
        assert 0.9 * largest <= found.max() <= largest + 1e-3
