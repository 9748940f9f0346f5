import numpy as np
import pytest
import torch

from handkd.evaluation import HandKeypointMetric
from handkd.models import LatentPoseHead
from handkd.models.backbones import Latents

CODEC = dict(type='RootRelativeXYZ', root='wrist', scale_bone=('wrist', 'middle_mcp'))


def make(**options):
    torch.manual_seed(0)
    return LatentPoseHead(CODEC, **dict(in_channels=12, hidden=(16, 16), dropout=0.0) | options)


def relative(samples):
    joints = np.concatenate([sample.gt_instances.keypoints_cam for sample in samples]).astype(np.float64)
    return joints - joints[:, :1]


def test_the_number_of_parameters_of_the_specification():
    assert sum(p.numel() for p in LatentPoseHead(CODEC).parameters()) == 5_564_479


def test_its_layers_are_those_of_the_specification():
    head = make().train()
    one, norm_one, two, norm_two, last = (layer for layer in head.fc if list(layer.parameters()))
    feat = torch.randn(5, 12)
    expected = last(norm_two(two(norm_one(one(feat).relu())).relu()))
    torch.testing.assert_close(head(feat).flatten(1), expected)
    torch.testing.assert_close(head(Latents(torch.randn(5, 3), feat)).flatten(1), expected)
    rates = [layer.p for layer in LatentPoseHead(CODEC).fc if isinstance(layer, torch.nn.Dropout)]
    assert rates == [0.5, 0.5]


def test_it_does_without_normalisation():
    head = make(norm=False)
    one, two, last = (layer for layer in head.fc if list(layer.parameters()))
    feat = torch.randn(5, 12)
    torch.testing.assert_close(head(feat).flatten(1), last(two(one(feat).relu()).relu()))


def test_the_loss_is_the_mean_square_of_standardised_coordinates(batch):
    head, feat, samples = make(loss=dict(type='PoseSquaredLoss', reduction='mean', loss_weight=3.0)), None, None
    feat, samples = torch.randn(4, 12), batch['data_samples']
    loss = head.loss(feat, samples)['loss_reg']
    truth = relative(samples)
    deviation = truth.std(0)
    deviation[0] = 1
    expected = np.square(head(feat).detach().numpy() - (truth - truth.mean(0)) / deviation).mean()
    assert loss.item() == pytest.approx(3 * expected, rel=1e-4)


def test_a_hand_without_a_root_and_a_joint_without_a_label_do_not_count(batch):
    head, feat, samples = make(), torch.randn(4, 12), batch['data_samples']
    for sample, joint in ((samples[1], 0), (samples[2], 20)):
        valid = np.ones((1, 21), np.float32)
        valid[0, joint] = 0
        sample.gt_instances.keypoints_valid = valid
    head.loss(feat, samples)
    assert head.statistics.count.tolist() == [3.0] * 20 + [2.0]
    _, valid = head.encode_samples(samples, feat.device)
    assert not valid[1].any() and valid[2].sum() == 20
    np.testing.assert_allclose(
        head.statistics.mean[3], relative([samples[i] for i in (0, 2, 3)])[:, 3].mean(0), rtol=1e-4
    )


def test_predictions_are_millimetres_that_the_metric_reads(batch):
    """A head that knows the answer has no error under either way to read it."""
    head, samples = make(), batch['data_samples']
    head.loss(torch.randn(4, 12), samples)
    pose, _ = head.encode_samples(samples, torch.device('cpu'))
    results = head.joints_of(pose, samples)
    truth = relative(samples)
    np.testing.assert_allclose(head.in_space(pose, []), truth, atol=1e-3)
    bone = np.linalg.norm(truth[:, 9], axis=-1)[:, None, None]
    np.testing.assert_allclose(results['keypoints_xyz'], truth / bone, atol=1e-5)
    for scale in ('pred', 'gt'):
        metric = HandKeypointMetric(root='wrist', scale=scale, also=('n',))
        for i, sample in enumerate(samples):
            found = {key: value[i : i + 1].numpy() * 1 for key, value in results.items()}
            metric.process({}, [dict(sample.to_dict(), pred_instances=found)])
        numbers = metric.compute_metrics(metric.results)
        errors = [value for name, value in numbers.items() if name.endswith('EPE_mean')]
        assert len(errors) == 2 and max(errors) < 1e-3


def test_n_alignment_forgives_the_size_alone(batch):
    head, samples = make(), batch['data_samples']
    head.loss(torch.randn(4, 12), samples)
    joints = torch.tensor(relative(samples) * 1.5, dtype=torch.float32)
    results = head.joints_of(head.statistics.standardise(joints), samples)
    metric = HandKeypointMetric(root='wrist', scale='pred', also=('n',))
    for i, sample in enumerate(samples):
        found = {key: value[i : i + 1].numpy() for key, value in results.items()}
        metric.process({}, [dict(sample.to_dict(), pred_instances=found)])
    numbers = metric.compute_metrics(metric.results)
    plain, aligned = (value for name, value in numbers.items() if name.endswith('EPE_mean'))
    wrong = np.linalg.norm(relative(samples) / 2, axis=-1).mean()
    assert plain == pytest.approx(wrong, rel=1e-3) and aligned < 1e-3


def test_without_a_label_of_the_root_only_the_shape_is_given(batch):
    head, samples = make().eval(), batch['data_samples']
    valid = np.ones((1, 21), np.float32)
    valid[0, 0] = 0
    samples[3].gt_instances.keypoints_valid = valid
    assert set(head.predict(torch.randn(4, 12), samples)) == {'keypoints_xyz'}
    del samples[3].gt_instances
    assert set(head.predict(torch.randn(4, 12), samples)) == {'keypoints_xyz'}


def test_samples_without_joints_in_space_count_neither_in_the_statistics_nor_in_the_loss(batch):
    head, samples, feat = make(), batch['data_samples'], torch.randn(4, 12)
    samples[1].set_metainfo(dict(absent=('keypoints_cam',)))
    del samples[1].gt_instances.keypoints_cam
    torch.manual_seed(0)
    loss = head.eval().loss(feat, samples)['loss_reg']
    others, rows = [samples[i] for i in (0, 2, 3)], [0, 2, 3]
    assert head.statistics.count.tolist() == [3.0] * 21
    assert torch.equal(loss, head.joint_loss(head(feat)[rows], others))
