"""What is added back to z: means by hand, and hands that move in depth and take their joints along."""

import numpy as np
import pytest
import torch

from handkd.models import JointInceptionHead, SegmentedDepth
from handkd.models.subtracted_depth import add_depth, subtracted_depth


@pytest.fixture
def images():
    """Depth of two hands before a background of 1, (2, 1, 48, 48)."""
    depth = torch.rand(2, 1, 48, 48, generator=torch.Generator().manual_seed(0)) - 0.6
    depth[0, :, :, :20] = 1
    depth[1, :, 10:, 15:] = 1
    return depth


@pytest.mark.parametrize('kernel', [3, 9])
def test_local_means_are_those_of_the_hand_alone(images, kernel):
    found = subtracted_depth(images, 'local', kernel).numpy()
    reach = kernel // 2
    for image, means in zip(images[:, 0].numpy().astype(np.float64), found[:, 0]):
        for y in range(0, 48, 3):
            for x in range(0, 48, 3):
                box = image[max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1]
                hand = box[box < 1] if (box < 1).any() else image[image < 1]
                assert means[y, x] == pytest.approx(hand.mean(), abs=1e-5)


def test_the_hands_mean_is_the_same_everywhere_and_the_cube_has_none(images):
    found = subtracted_depth(images, 'hand')
    for image, means in zip(images, found):
        torch.testing.assert_close(means, image[image < 1].mean().expand(1, 48, 48))
    assert subtracted_depth(images, 'cube') is None
    for form in ('hand', 'local'):
        assert not subtracted_depth(torch.ones(1, 1, 48, 48), form).any(), 'an image without a hand'


def test_pixels_are_interpolated_and_places_get_no_gradient():
    v, u = torch.meshgrid(torch.arange(48.0), torch.arange(48.0), indexing='ij')
    ramp = (2 * u - 3 * v)[None, None]
    joints = torch.tensor([[[0.25, -0.5, 0.7], [-2.0, 2.0, 0.0]]], requires_grad=True)
    found = add_depth(joints, ramp)
    torch.testing.assert_close(found[0, 0, 2], torch.tensor(0.7 + 2 * (23.5 + 6) - 3 * (23.5 - 12)))
    assert found[0, 1, 2] == -3 * 47, 'outside of the image the nearest pixel counts'
    found[..., 2].sum().backward()
    assert torch.equal(joints.grad, torch.tensor([[[0.0, 0, 1]] * 2]))
    assert add_depth(joints, None) is joints


@pytest.mark.parametrize('form', ['hand', 'local'])
@pytest.mark.parametrize('move', [-0.2, 0.3])
def test_a_hand_that_moves_in_depth_takes_its_joints_along(images, form, move):
    """A hand that fills the image: normalisation then takes the move away completely."""
    torch.manual_seed(0)
    backbone, head = SegmentedDepth(added=form), JointInceptionHead(dict(type='MetricCube'), hidden=8).eval()
    near = torch.rand(2, 1, 48, 48, generator=torch.Generator().manual_seed(1)) * 0.4 - 0.3
    first, second = head(backbone(near)), head(backbone(near + move))
    torch.testing.assert_close(second[..., :2], first[..., :2], rtol=0, atol=1e-4)
    torch.testing.assert_close(second[..., 2], first[..., 2] + move, rtol=0, atol=1e-4)
    backbone = SegmentedDepth(added='cube')
    torch.testing.assert_close(head(backbone(near + move)), head(backbone(near)), rtol=0, atol=1e-4)


@pytest.mark.parametrize('move', [-0.2, 0.3])
def test_the_hands_mean_moves_with_a_hand_before_a_background(images, move):
    torch.manual_seed(0)
    head = JointInceptionHead(dict(type='MetricCube'), hidden=8).eval()
    moved = torch.where(images < 1, images + move, images)
    depth, parts, added = SegmentedDepth(added='hand')(images)
    first = head((depth, parts, added))
    second = head((depth, parts, SegmentedDepth(added='hand')(moved)[2]))
    torch.testing.assert_close(second - first, torch.tensor([0.0, 0, move]).expand_as(first))
