import numpy as np
import pytest
import torch

from handkd.apis.complexity import count_macs
from handkd.models import CPMFeatures, PoseMachineHead

CODEC = dict(type='CPMHeatmap')
SMALL = dict(type='CPMHeatmap', input_size=64, heatmap_size=8, sigma=6.0)


@pytest.mark.parametrize(
    ('num_stages', 'parameters', 'gmac'),
    [(1, 9_187_541, 21.63), (2, 13_353_194, 25.90), (3, 17_518_847, 30.16), (6, 30_015_806, 42.96)],
)
def test_size_and_work_of_posenet(num_stages, parameters, gmac):
    with torch.device('meta'):
        net = torch.nn.Sequential(CPMFeatures('posenet'), PoseMachineHead(128, CODEC, num_stages))
        image = torch.zeros(1, 3, 256, 256)
    assert sum(p.numel() for p in net.parameters()) == parameters
    assert count_macs(net, lambda: net(image)) / 1e9 == pytest.approx(gmac, abs=0.006)
    assert [tuple(maps.shape) for maps in net(image)] == [(1, 21, 32, 32)] * num_stages


def test_each_stage_sees_the_maps_before_it_and_the_features():
    head = PoseMachineHead(4, SMALL, first_channels=6, channels=5)
    feats = torch.randn(2, 4, 8, 8)
    first, second, third = head(feats)
    torch.testing.assert_close(second, head.stages[1](torch.cat([first, feats], 1)))
    torch.testing.assert_close(third, head.stages[2](torch.cat([second, feats], 1)))
    torch.testing.assert_close(head((None, feats))[2], third)


def test_the_loss_is_the_sum_of_the_stages_each_against_the_same_target(batch):
    head = PoseMachineHead(4, SMALL, first_channels=6, channels=5, loss=dict(type='HeatmapRMSELoss', loss_weight=100.0))
    feats = torch.randn(4, 4, 8, 8)
    batch['data_samples'][0].gt_instances.keypoints_valid = np.zeros((1, 21), np.float32)
    losses = head.loss(feats, batch['data_samples'])
    y, x = np.mgrid[:64, :64]
    total = []
    for maps in head(feats):
        large = torch.nn.functional.interpolate(maps, (64, 64), mode='bilinear').detach().numpy()
        errors = []
        for sample in (1, 2, 3):
            for joint, (cx, cy) in enumerate(batch['data_samples'][sample].gt_instances.keypoints[0].astype(int)):
                target = np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / 36)
                errors.append(np.sqrt(((large[sample, joint] - target) ** 2).mean()))
        total.append(100 * np.mean(errors))
    assert losses['loss_heatmap'].item() == pytest.approx(sum(total), rel=1e-4)
    assert [losses[f'stage{i}'].item() for i in (1, 2, 3)] == pytest.approx(total, rel=1e-4)
    assert not losses['stage3'].requires_grad  # for the log; only names with 'loss' are summed up


def test_it_predicts_where_its_last_maps_are_largest():
    head = PoseMachineHead(21, SMALL, num_stages=1, first_channels=21)
    for layer in (head.stages[0][0], head.stages[0][2]):  # pass the features on as they are
        torch.nn.init.dirac_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    feats = torch.zeros(1, 21, 8, 8)
    for joint in range(21):
        feats[0, joint, joint % 7, joint % 5] = 1
    result = head.predict(feats, [])
    cells = (result['keypoints'][0] + 0.5) / 8 - 0.5
    expected = torch.tensor([[joint % 5, joint % 7] for joint in range(21)], dtype=torch.float32)
    assert (cells - expected).abs().max() < 0.51
    assert result['keypoint_scores'].shape == (1, 21)


def test_no_stage():
    with pytest.raises(ValueError, match='at least 1, found 0'):
        PoseMachineHead(4, SMALL, num_stages=0)


def test_samples_without_2d_joints_do_not_count(batch):
    head, samples, feats = (
        PoseMachineHead(4, SMALL, first_channels=6, channels=5),
        batch['data_samples'],
        torch.randn(4, 4, 8, 8),
    )
    samples[1].set_metainfo(dict(absent=('keypoints',)))
    del samples[1].gt_instances.keypoints
    loss = head.loss(feats, samples)['loss_heatmap']
    rows = [0, 2, 3]
    expected = head.loss(feats[rows], [samples[i] for i in rows])['loss_heatmap']
    torch.testing.assert_close(loss, expected)
    none = head.loss(feats[1:2], samples[1:2])['loss_heatmap']
    assert none.item() == 0 and none.requires_grad
