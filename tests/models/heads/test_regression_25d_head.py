import numpy as np
import pytest
import torch

from handkd.models.heads import Regression25DHead

CODEC = dict(type='Latent25D', input_size=64)
LOSS = dict(type='PoseL1Loss', depth_weight=0.3)


def test_it_is_one_matrix_product_with_the_root_at_depth_0():
    head = Regression25DHead(6, CODEC, LOSS)
    feats = torch.randn(3, 6)
    weight, bias = (p.detach().numpy() for p in head.parameters())
    expected = (feats.numpy() @ weight.T + bias).reshape(3, 21, 3)
    expected[:, 0, 2] = 0
    np.testing.assert_allclose(head(feats).detach(), expected, atol=1e-6)
    assert torch.equal(head((None, feats)), head(feats)) and torch.equal(head([feats]), head(feats))


def test_loss_and_prediction_are_those_of_the_pose(seen_batch):
    samples = seen_batch['data_samples']
    head = Regression25DHead(6, CODEC, LOSS)
    feats = torch.randn(4, 6)
    assert 'keypoints_cam' not in head.predict(feats, samples)
    losses = head.loss(feats, samples)
    assert losses.keys() == {'loss_reg'}
    assert losses['loss_reg'].item() == pytest.approx(head.joint_loss(head(feats), samples).item())
    assert head.bones.count == 4
    expected = head.joints_of(head(feats), samples)
    for key, value in head.predict(feats, samples).items():
        assert torch.equal(value, expected[key])
    assert set(expected) == {'keypoints', 'keypoints_xyz', 'keypoints_cam', 'keypoints_cam_gt_depth'}
