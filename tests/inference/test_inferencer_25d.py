"""From a picture to a hand with a 2.5D network: its own pixels, and the hand in space that a camera gives them."""

import numpy as np
import pytest
import torch
from mmengine.config import Config

from handkd.geometry import box_square, crop_matrix, project
from handkd.hand import PARENTS
from handkd.inference.inferencer import HandInferencer
from handkd.registry import MODELS

from .test_inferencer import IMAGE, NETWORK, POSE, TEST_SET

INTRINSICS = np.array([[180.0, 0.0, 55.0], [0.0, 180.0, 50.0], [0.0, 0.0, 1.0]])
HAND = POSE * 60 + (-10.0, 30.0, 420.0)
"""A hand in front of that camera, mm."""
PIXELS = project(HAND, dict(K=INTRINSICS))


@pytest.fixture(scope='module', params=['wrist', 'middle_mcp'])
def deep(request, tmp_path_factory) -> HandInferencer:
    """A 2.5D network that predicts HAND as it is seen in the crop around its box, whatever it sees."""
    folder, size = tmp_path_factory.mktemp('deep'), 64
    codec = dict(type='Latent25D', input_size=size, root=request.param)
    head = dict(type='Regression25DHead', in_channels=32, codec=codec)
    network = MODELS.build(NETWORK | dict(head=head))
    matrix = crop_matrix(*box_square(np.concatenate([PIXELS.min(0), PIXELS.max(0)]), 1.25), size)
    pixels = PIXELS @ matrix[:2, :2].T + matrix[:2, 2]
    pose, _, _ = network.head.codec.encode(*(torch.tensor(joints[None]) for joints in (pixels, HAND)))
    network.head.fc.weight.data.zero_()
    network.head.fc.bias.data = pose.flatten().float()
    torch.save({'state_dict': network.state_dict()}, folder / 'weights.pth')
    cfg = Config(dict(model=NETWORK | dict(head=head), test_dataloader=TEST_SET))
    return HandInferencer(cfg, folder / 'weights.pth', device='cpu')


def see(deep: HandInferencer, **known) -> dict:
    low, high = PIXELS.min(0), PIXELS.max(0)
    return deep.one(IMAGE, box=(*low, *(high - low)), **known)


def test_a_2_5d_network_gives_its_own_pixels_and_with_a_camera_the_hand_in_space(deep):
    scale = np.linalg.norm(HAND[5] - HAND[0])
    hand = see(deep, camera=INTRINSICS, hand_scale_mm=scale)
    np.testing.assert_allclose(hand['keypoints'], PIXELS, atol=1e-3)
    np.testing.assert_allclose(hand['keypoints_3d'], HAND - HAND[0], atol=0.05)
    assert hand['unit'] == 'mm'


def test_with_a_camera_the_hand_has_a_place_in_space(deep):
    scale = np.linalg.norm(HAND[5] - HAND[0])
    assert see(deep, camera=INTRINSICS, hand_scale_mm=scale)['keypoints_cam'] is None  # it has seen no hand's size
    bones = torch.tensor(1.3 * HAND[None])  # the mean hand of its training is larger than this one
    deep.network.model.head.bones.update(bones, torch.ones(1, 21))
    try:
        placed = see(deep, camera=INTRINSICS, hand_scale_mm=scale)['keypoints_cam']
        larger = see(deep, camera=INTRINSICS)['keypoints_cam']
        nowhere = see(deep)['keypoints_cam']
    finally:
        deep.network.model.head.bones.load_state_dict(type(deep.network.model.head.bones)().state_dict())
    # 0.5 mm of the root's depth, which follows from the pose, are 1 part in 840.
    np.testing.assert_allclose(placed, HAND, atol=1)
    np.testing.assert_allclose(larger, 1.3 * HAND, atol=1.3)
    assert nowhere is None


def test_without_a_camera_a_2_5d_hand_is_seen_from_far_away(deep):
    hand = see(deep)
    np.testing.assert_allclose(hand['keypoints'], PIXELS, atol=1e-3)
    assert hand['unit'] == 'hand_scale'
    bones = np.linalg.norm(hand['keypoints_3d'][1:] - hand['keypoints_3d'][[*PARENTS[1:]]], axis=1)
    true = np.linalg.norm(POSE[1:] - POSE[[*PARENTS[1:]]], axis=1) / np.linalg.norm(POSE[5] - POSE[0])
    np.testing.assert_allclose(bones, true, rtol=0.3)
    assert np.linalg.norm(hand['keypoints_3d'][5]) == pytest.approx(1, abs=1e-3)
