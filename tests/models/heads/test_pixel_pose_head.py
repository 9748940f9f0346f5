"""Joints in the image and in space without a camera, and the side."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from handkd.models.heads import PixelPoseHead
from handkd.models.heads.pixel_pose_head import map_cross_entropy

CODEC = dict(type='ScaledPose', input_size=64)


@pytest.fixture
def head():
    torch.manual_seed(0)
    return PixelPoseHead(8, 5, CODEC, map_weight=0.1)


def features(number: int = 4) -> tuple:
    torch.manual_seed(1)
    return torch.randn(number, 8, 16, 16), torch.randn(number, 5)


def test_joints_in_space_lie_on_those_in_the_image(head):
    output = head(features())
    assert output.xyz.shape == (4, 21, 3) and output.left.shape == (4,)
    assert (output.xyz[:, 0] == 0).all()
    found = head.predict(features(), [dict(gt_instances={})] * 4)
    torch.testing.assert_close(head.codec.places(found['keypoints']), output.places)
    assert ((found['left'] > 0) & (found['left'] < 1)).all() and 'keypoints_cam' not in found
    torch.testing.assert_close(found['keypoints_xyz'], output.xyz)


def test_losses_are_of_space_image_maps_and_side(head, seen_batch):
    samples, feats = seen_batch['data_samples'], features()
    losses, output = head.loss(feats, samples), head(feats)
    assert losses.keys() == {'loss_reg', 'loss_pixels', 'loss_maps', 'loss_side'}
    truth = np.concatenate([sample.gt_instances.keypoints for sample in samples])
    apart = np.abs(output.places.detach().numpy() - ((2 * truth + 1) / 64 - 1)).sum((1, 2)).mean()
    assert losses['loss_pixels'].item() == pytest.approx(apart, rel=1e-5)
    wanted = F.binary_cross_entropy_with_logits(output.left, torch.tensor([1.0, 1.0, 0.0, 0.0]))
    torch.testing.assert_close(losses['loss_side'], wanted)
    sum(losses.values()).backward()
    assert all(part.grad is not None and part.grad.abs().sum() > 0 for part in head.parameters())


def test_joints_out_of_sight_do_not_count_in_the_image(head, seen_batch):
    samples, feats = seen_batch['data_samples'], features()
    for sample in samples:
        sample.gt_instances.keypoints_visible = np.zeros((1, 21), np.float32)
    losses = head.loss(feats, samples)
    assert losses['loss_pixels'] == losses['loss_maps'] == 0 < losses['loss_reg']


def test_samples_without_3d_joints_count_in_the_image_alone(head, seen_batch):
    samples, feats = seen_batch['data_samples'], features()
    whole = head.loss(feats, samples)
    for sample in samples:
        sample.set_metainfo(dict(absent=('keypoints_cam',)))
        del sample.gt_instances.keypoints_cam
    losses = head.loss(feats, samples)
    assert losses['loss_reg'] == 0 and losses['loss_pixels'] == whole['loss_pixels']
    for sample in samples:
        sample.set_metainfo(dict(absent=('keypoints', 'keypoints_cam')))
    assert head.loss(feats, samples)['loss_pixels'] == 0


def test_weights_of_samples_multiply_all_losses(head, seen_batch):
    samples, feats = seen_batch['data_samples'], features()
    plain = head.loss(feats, samples)
    for sample in samples:
        sample.set_metainfo(dict(loss_weight=2.0))
    for name, value in head.loss(feats, samples).items():
        torch.testing.assert_close(value, 2 * plain[name])


def test_the_cross_entropy_is_that_of_a_gaussian_cell_by_cell():
    torch.manual_seed(0)
    heat, places = torch.randn(1, 2, 4, 6), torch.tensor([[[0.1, -0.3], [-0.9, 0.8]]])
    for k in range(2):
        x, y = (places[0, k].numpy() + 1) / 2 * (6, 4)
        target = np.array(
            [[np.exp(-((col + 0.5 - x) ** 2 + (row + 0.5 - y) ** 2) / 2) for col in range(6)] for row in range(4)]
        )
        logs = heat[0, k].numpy() - np.log(np.exp(heat[0, k].numpy()).sum())
        wanted = -(target / target.sum() * logs).sum()
        assert map_cross_entropy(heat, places)[0, k].item() == pytest.approx(wanted, rel=1e-5)
