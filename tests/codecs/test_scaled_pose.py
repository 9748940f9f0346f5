"""Joints in space from places, depths and scale: what a camera at the middle of the crop sees."""

import pytest
import torch

from handkd.codecs import Latent25D, ScaledPose
from handkd.geometry import viewing_rays


def test_a_camera_on_the_axis_of_the_crop_is_inverted_exactly():
    torch.manual_seed(0)
    codec = ScaledPose(96, root='wrist', scale_bone=('wrist', 'middle_mcp'))
    joints = torch.randn(3, 21, 3, dtype=torch.float64) * 50 + torch.tensor([5.0, -10.0, 600.0])
    focal, middle = 150.0, 47.5
    intrinsics = torch.tensor([[focal, 0, middle], [0, focal, middle], [0, 0, 1]], dtype=torch.float64)
    pixels = joints @ intrinsics.T
    pixels = pixels[..., :2] / pixels[..., 2:]
    torch.testing.assert_close(viewing_rays(pixels, intrinsics.expand(3, 3, 3)) * joints[..., 2:], joints)
    xyz, root, bone = codec.encode(joints)
    pose = torch.cat([codec.places(pixels), xyz[..., 2:]], -1)
    scale = focal * bone / root[:, 2] / 48  # halves of the crop's side
    torch.testing.assert_close(codec.lift(pose, scale, bone / root[:, 2]), xyz)
    torch.testing.assert_close(codec.pixels(pose), pixels)


def test_without_nearness_it_is_weak_perspective():
    pose = torch.rand(2, 21, 3)
    pose[:, 0, 2] = 0
    found = ScaledPose().lift(pose, torch.tensor([0.5, 2.0]), torch.zeros(2))
    wanted = (pose[..., :2] - pose[:, :1, :2]) / torch.tensor([0.5, 2.0])[:, None, None]
    torch.testing.assert_close(found[..., :2], wanted)
    torch.testing.assert_close(found[..., 2], pose[..., 2])


def test_places_are_those_of_the_2_5d_pose():
    keypoints = torch.rand(1, 21, 2) * 64
    torch.testing.assert_close(ScaledPose(64).places(keypoints), Latent25D(64).places(keypoints))


def test_a_size_of_0_is_refused():
    with pytest.raises(ValueError, match='input_size must be positive'):
        ScaledPose(0)
