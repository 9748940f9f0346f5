import numpy as np
import pytest
import torch

from handkd.models import FCHead, PoseSquaredLoss

from ..estimators.conftest import CODEC

ZB_CODEC = dict(type='RootRelativeXYZ', root='wrist', scale_bone=('middle_mcp', 'middle_pip'))


@pytest.mark.parametrize(('hidden', 'parameters'), [((1024,), 33_620_031), ((512,), 16_810_047)])
def test_number_of_parameters_behind_16x16x128(hidden, parameters):
    with torch.device('meta'):
        head = FCHead(128, 16, CODEC, hidden)
    assert sum(p.numel() for p in head.parameters()) == parameters


def test_it_is_two_matrix_products_with_a_relu_between():
    head = FCHead(4, (2, 3), CODEC, hidden=(5,)).double()
    feats = torch.randn(3, 4, 2, 3, dtype=torch.float64)
    w1, b1, w2, b2 = (p.detach().numpy() for p in head.parameters())
    expected = np.maximum(feats.numpy().reshape(3, 24) @ w1.T + b1, 0) @ w2.T + b2
    np.testing.assert_allclose(head(feats).detach().numpy(), expected.reshape(3, 21, 3))
    assert torch.equal(head((None, feats)), head(feats))


def test_the_loss_is_100_times_the_squared_distance_in_units_of_the_bone(batch):
    head = FCHead(4, 2, ZB_CODEC, hidden=(5,), loss=dict(type='PoseSquaredLoss', loss_weight=100.0))
    assert isinstance(head.loss_module, PoseSquaredLoss)
    feats = torch.randn(4, 4, 2, 2)
    pred, total = head(feats).detach().numpy(), 0.0
    for xyz, sample in zip(pred, batch['data_samples']):
        joints = sample.gt_instances.keypoints_cam[0].astype(float)
        target = (joints - joints[0]) / np.linalg.norm(joints[10] - joints[9])
        total += 100 * ((xyz - target) ** 2).sum() / 4
    assert head.loss(feats, batch['data_samples'])['loss_reg'].item() == pytest.approx(total, rel=1e-5)


def test_a_feature_map_of_another_size_names_both():
    with pytest.raises(ValueError, match=r'takes feature maps \(4, 2, 2\), found \(4, 3, 3\)'):
        FCHead(4, 2, CODEC)(torch.zeros(1, 4, 3, 3))
