from typing import NamedTuple

import pytest
import torch

from handkd.models import PoseHead

CODEC = dict(type='RootRelativeXYZ')


class Sample(NamedTuple):
    pose: torch.Tensor
    absent: tuple = ()


class Halves(PoseHead):
    """Says where its true poses are, and what its output is."""

    def forward(self, feats):
        return [feats, feats / 2]

    def pose_of(self, output):
        return output[-1]

    def encode_samples(self, data_samples, device):
        return torch.stack([sample.pose for sample in data_samples]), torch.ones(len(data_samples), 21)

    def joints_of(self, pose, data_samples):
        return dict(keypoints_xyz=pose)


def test_the_final_pose_is_predicted_and_has_the_loss():
    head = Halves(CODEC, dict(type='PoseL1Loss', loss_weight=2.0))
    poses = torch.randn(3, 21, 3)
    assert torch.equal(head.predict(poses, [])['keypoints_xyz'], poses / 2)
    loss = head.joint_loss(poses, [Sample(torch.zeros(21, 3))] * 3)
    assert loss.item() == pytest.approx(2 * poses.abs().sum().item() / 3, rel=1e-5)


@pytest.mark.parametrize('call', ['encode_samples', 'in_space', 'joints_of'])
def test_a_subclass_says_what_a_pose_means(call):
    head = PoseHead(CODEC, dict(type='PoseL1Loss'))
    assert head.pose_of('pose') == 'pose'
    with pytest.raises(NotImplementedError):
        getattr(head, call)(torch.zeros(1, 21, 3), torch.device('cpu'))


def test_samples_without_joints_in_space_do_not_count():
    head, poses = Halves(CODEC, dict(type='PoseL1Loss')), torch.randn(3, 21, 3, requires_grad=True)
    samples = [Sample(torch.zeros(21, 3), names) for names in ((), ('keypoints_cam',), ('depth',))]
    assert head.joint_loss(poses, samples).item() == pytest.approx(poses[[0, 2]].abs().sum().item() / 2, rel=1e-5)
    none = head.joint_loss(poses[1:2], samples[1:2])
    (gradient,) = torch.autograd.grad(none, poses)
    assert none.item() == 0 and not gradient.any()
