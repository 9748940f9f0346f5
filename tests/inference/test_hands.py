import numpy as np
import pytest

from handkd.geometry import project
from handkd.inference.hands import hand_in_cube, hand_in_image, hand_in_space, scale_hand

CAMERA = np.array([[500.0, 0.0, 160.0], [0.0, 500.0, 120.0], [0.0, 0.0, 1.0]])


@pytest.fixture
def joints():
    return np.random.default_rng(0).normal(size=(21, 3)) * 30 + [20, -10, 600]


def test_a_hand_in_space_is_relative_to_the_wrist_and_in_the_unit_of_its_scale(joints):
    pixels = project(joints, dict(K=CAMERA))
    hand = hand_in_space(joints / 100, pixels, None, 100.0)
    assert np.allclose(hand['keypoints_3d'], joints - joints[0]) and hand['unit'] == 'mm'
    assert hand['side'] in ('left', 'right') and hand['side_source'] == 'estimated'
    unscaled = hand_in_space(joints / 100, pixels, 'left', None)
    assert unscaled['unit'] == 'hand_scale' and unscaled['side_source'] == 'given'
    assert unscaled['side_score'] is None and unscaled['keypoints_cam'] is None


def test_scaling_changes_the_size_and_not_the_pixels(joints):
    scaled = scale_hand(joints, (joints - joints[0]) / 100, 120.0)
    assert np.allclose(scaled, joints * 1.2)
    assert np.allclose(project(scaled, dict(K=CAMERA)), project(joints, dict(K=CAMERA)))
    assert scale_hand(joints, joints, None) is joints and scale_hand(None, joints, 120.0) is None


def test_a_hand_in_a_cube_keeps_its_joints_in_the_camera_frame(joints):
    hand = hand_in_cube(joints, CAMERA, None)
    assert hand['keypoints_cam'] is joints and hand['unit'] == 'mm' and hand['side_source'] == 'estimated'
    assert np.allclose(hand['keypoints'], project(joints, dict(K=CAMERA)))
    few = hand_in_cube(joints[:14], CAMERA, None)
    assert few['keypoints_3d'].shape == (14, 3) and few['side'] is None


def test_a_hand_in_the_image_has_the_same_keys_and_no_space(joints):
    hand = hand_in_image(joints[:, :2], None)
    assert hand.keys() == hand_in_cube(joints, CAMERA, None).keys()
    assert hand['keypoints_3d'] is None and hand['unit'] is None and hand['side'] is None
