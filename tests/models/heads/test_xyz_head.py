import numpy as np
import pytest
import torch

from handkd.models import XYZHead

ZB_CODEC = dict(type='RootRelativeXYZ', root='wrist', scale_bone=('middle_mcp', 'middle_pip'))


@pytest.fixture
def head():
    return XYZHead(ZB_CODEC, dict(type='PoseNormLoss', loss_weight=2.0))


def test_joints_are_put_at_the_true_root_in_the_true_size(head, batch):
    xyz = torch.randn(4, 21, 3, dtype=torch.bfloat16)
    result = head.joints_of(xyz, batch['data_samples'])
    assert result['keypoints_xyz'].dtype == torch.float32
    np.testing.assert_array_equal(result['keypoints_xyz'], xyz.float())
    for pred, placed, sample in zip(xyz.float().numpy(), result['keypoints_cam'], batch['data_samples']):
        truth = sample.gt_instances.keypoints_cam[0]
        expected = pred * np.linalg.norm(truth[10] - truth[9]) + truth[0]
        np.testing.assert_allclose(placed, expected, rtol=1e-5)


@pytest.mark.parametrize('joint', [0, 9, 10])
def test_without_a_label_for_root_or_scale_they_stay_where_they_are(head, batch, joint):
    valid = batch['data_samples'][2].gt_instances.keypoints_valid.copy()
    valid[0, joint] = 0
    batch['data_samples'][2].gt_instances.keypoints_valid = valid
    assert set(head.joints_of(torch.zeros(4, 21, 3), batch['data_samples'])) == {'keypoints_xyz'}


def test_the_loss_sees_normalised_joints_and_only_those_with_a_label(head, batch):
    valid = np.ones((1, 21), np.float32)
    valid[0, 20] = 0
    for sample in batch['data_samples']:
        sample.gt_instances.keypoints_valid = valid
    xyz, norms = torch.randn(4, 21, 3), []
    for pred, sample in zip(xyz.numpy(), batch['data_samples']):
        joints = sample.gt_instances.keypoints_cam[0].astype(float)
        norms.append(np.linalg.norm((pred - (joints - joints[0]) / np.linalg.norm(joints[10] - joints[9]))[:20]))
    assert head.joint_loss(xyz, batch['data_samples']).item() == pytest.approx(2 * np.mean(norms), rel=1e-5)


def test_its_poses_are_in_space_as_they_are(head, batch):
    xyz = torch.randn(4, 21, 3)
    assert head.in_space(xyz, []) is xyz
    target, valid = head.encode_samples(batch['data_samples'], torch.device('cpu'))
    for pose, sample in zip(target, batch['data_samples']):
        joints = sample.gt_instances.keypoints_cam[0].astype(float)
        expected = (joints - joints[0]) / np.linalg.norm(joints[10] - joints[9])
        np.testing.assert_allclose(pose, expected, rtol=1e-4, atol=1e-5)
    assert (valid == 1).all()
