import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from handkd.models.heads import PMDHead

CODEC = dict(type='RootRelativeXYZ', root='middle_mcp', scale_bone=('wrist', 'middle_mcp'))


def count(module):
    return sum(p.numel() for p in module.parameters())


def samples_of(joints):
    samples = []
    for one in joints:
        sample = PoseDataSample()
        sample.gt_instances = InstanceData(
            keypoints_cam=one[None].astype(np.float32), keypoints_valid=np.ones((1, 21), np.float32)
        )
        samples.append(sample)
    return samples


@pytest.mark.parametrize(
    ('options', 'parameters'),
    [
        (dict(), 3 * 149_141),
        (dict(separate=False), 151_871),
        (dict(refine=True), 3 * 149_141 + 151_871),
    ],
)
def test_parameter_counts(options, parameters):
    assert count(PMDHead(512, CODEC, **options)) == parameters


def test_each_axis_has_its_own_network():
    head = PMDHead(512, CODEC)
    feat = torch.randn(2, 512)
    for i, axis in enumerate('xyz'):
        head.zero_grad()
        head(feat).xyz[..., i].sum().backward()
        touched = {name for name, p in head.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
        assert touched and all(name.startswith(f'branches.{axis}.') for name in touched)


def test_the_layers_of_eq_3_are_64_wide_and_rectified():
    head = PMDHead(512, CODEC)
    out = head.branches.x[:5][:-1](torch.randn(4, 512))
    assert [name for name, _ in head.branches.x.named_children()] == ['fc1', 'relu1', 'fc2', 'relu2', 'fc3']
    assert out.shape == (4, 64) and (out >= 0).all()


def test_refined_losses_are_eq_6():
    torch.manual_seed(0)
    head = PMDHead(512, CODEC, refine=True, beta=0.3, loss=dict(type='PoseNormLoss', loss_weight=100.0))
    rng = np.random.default_rng(0)
    joints = rng.normal(size=(4, 21, 3)) * 50 + [0, 0, 500]
    feat = torch.randn(4, 512)
    losses = head.loss(feat, samples_of(joints))

    scale = np.linalg.norm(joints[:, 9] - joints[:, 0], axis=-1)
    target = (joints - joints[:, 9:10]) / scale[:, None, None]
    pred = head(feat)
    norm = lambda x: np.mean([np.sqrt((one**2).sum()) for one in x.detach().numpy() - target])  # noqa: E731
    assert losses['loss_reg'].item() == pytest.approx(100 * norm(pred.xyz), rel=1e-5)
    assert losses['loss_reg_coarse'].item() == pytest.approx(0.3 * 100 * norm(pred.coarse), rel=1e-5)


def test_the_coarse_loss_reaches_the_branches_and_the_residual_starts_from_the_feature():
    head = PMDHead(512, CODEC, refine=True)
    feat = torch.randn(2, 512)
    pred = head(feat)
    residual = head.refine(feat).unflatten(1, (21, 3))
    torch.testing.assert_close(pred.xyz - pred.coarse, residual)
    joints = np.random.default_rng(0).normal(size=(2, 21, 3)) * 50
    head.loss(feat, samples_of(joints))['loss_reg_coarse'].backward()
    assert head.branches.z.fc1.weight.grad.abs().sum() > 0
    assert all(p.grad is None for p in head.refine.parameters())


def test_a_sample_without_3d_joints_is_named():
    sample = PoseDataSample(metainfo=dict(img_path='cat.png'))
    sample.gt_instances = InstanceData(keypoints=np.zeros((1, 21, 2)))
    with pytest.raises(ValueError, match=r'cat\.png.*keypoints_cam'):
        PMDHead(512, CODEC).loss(torch.zeros(1, 512), [sample])


def test_its_pose_is_the_refined_one(batch):
    head = PMDHead(4, CODEC, hidden=(8,), refine=True)
    feats = torch.randn(4, 4)
    output = head(feats)
    assert head.pose_of(output) is output.xyz and not torch.equal(output.xyz, output.coarse)
    assert torch.equal(head.predict(feats, batch['data_samples'])['keypoints_xyz'], output.xyz)
