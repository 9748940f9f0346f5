import pytest
import torch

from handkd.models import PoseHead

CODEC = dict(type='RootRelativeXYZ')


class Halves(PoseHead):
    """Says where its true poses are, and what its output is."""

    def forward(self, feats):
        return [feats, feats / 2]

    def pose_of(self, output):
        return output[-1]

    def encode_samples(self, data_samples, device):
        return torch.stack(data_samples), torch.ones(len(data_samples), 21)

    def joints_of(self, pose, data_samples):
        return dict(keypoints_xyz=pose)


def test_the_final_pose_is_predicted_and_has_the_loss():
    head = Halves(CODEC, dict(type='PoseL1Loss', loss_weight=2.0))
    poses = torch.randn(3, 21, 3)
    assert torch.equal(head.predict(poses, [])['keypoints_xyz'], poses / 2)
    loss = head.joint_loss(poses, list(torch.zeros(3, 21, 3)))
    assert loss.item() == pytest.approx(2 * poses.abs().sum().item() / 3, rel=1e-5)


@pytest.mark.parametrize('call', ['encode_samples', 'in_space', 'joints_of'])
def test_a_subclass_says_what_a_pose_means(call):
    head = PoseHead(CODEC, dict(type='PoseL1Loss'))
    assert head.pose_of('pose') == 'pose'
    with pytest.raises(NotImplementedError):
        getattr(head, call)(torch.zeros(1, 21, 3), torch.device('cpu'))
