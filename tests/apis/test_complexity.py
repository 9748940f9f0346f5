"""Multiply-accumulates: layers counted by hand, published networks, and what of a config is counted."""

import pytest
import torch
from mmengine.config import Config
from torch import nn

from handkd.apis.complexity import count_macs, measure_config
from handkd.models import HandPoseEstimator
from handkd.registry import MODELS

RGB_NETWORK = dict(
    type='HandPoseEstimator',
    backbone=dict(type='HandResNet', depth=18, stem='imagenet', base_channels=8),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='PMDHead', in_channels=64, codec=dict(type='RootRelativeXYZ')),
)
TEST_SET = dict(dataset=dict(pipeline=[dict(type='WarpCrop', size=64)]))
MIMIC = dict(mimic=dict(type='FeatureMimic', layer='neck'))


@pytest.mark.parametrize(
    ('layer', 'shape', 'macs'),
    [
        (nn.Conv2d(3, 8, 5, stride=2, padding=2), (1, 3, 16, 12), 8 * 6 * 8 * 3 * 25),
        (nn.Conv2d(8, 8, 3, padding=1, groups=8), (1, 8, 7, 7), 7 * 7 * 8 * 9),
        (nn.Conv2d(8, 16, 3, groups=4), (1, 8, 5, 5), 3 * 3 * 16 * 2 * 9),
        (nn.ConvTranspose2d(4, 6, 4, stride=2, padding=1), (1, 4, 5, 5), 5 * 5 * 4 * 6 * 16),
        (nn.ConvTranspose2d(4, 6, 4, stride=2, groups=2), (1, 4, 5, 5), 5 * 5 * 4 * 3 * 16),
        (nn.Linear(10, 7), (1, 10), 70),
        (nn.Linear(10, 7), (1, 5, 10), 350),
        (nn.Sequential(nn.BatchNorm2d(4), nn.ReLU(), nn.AvgPool2d(2), nn.Upsample(scale_factor=2)), (1, 4, 8, 8), 0),
    ],
)
def test_layers_by_hand(layer, shape, macs):
    assert count_macs(layer, lambda: layer(torch.zeros(shape))) == macs


def test_a_layer_that_runs_twice_counts_twice_and_no_hook_stays():
    layer = nn.Linear(3, 3)
    assert count_macs(layer, lambda: layer(layer(torch.zeros(1, 3)))) == 18
    assert not layer._forward_hooks


def test_hooks_go_when_the_run_fails():
    layer = nn.Linear(3, 3)
    with pytest.raises(RuntimeError):
        count_macs(layer, lambda: layer(torch.zeros(1, 4)))
    assert not layer._forward_hooks


@pytest.mark.parametrize(('strides', 'gmac'), [((1, 2, 2, 2), 0.30), ((1, 2, 1, 1), 1.41)])
def test_resnet34_at_64_px(strides, gmac):
    network = MODELS.build(dict(type='ResNet', depth=34, strides=strides))
    network.eval()
    assert count_macs(network, lambda: network(torch.zeros(1, 3, 64, 64))) / 1e9 == pytest.approx(gmac, abs=0.005)


def test_resnet50_at_224_px_with_the_head_of_63():
    network = MODELS.build(dict(type='ResNet', depth=50))
    network.eval()
    head = nn.Linear(2048, 63)
    both = nn.ModuleList([network, head])
    macs = count_macs(both, lambda: head(network(torch.zeros(1, 3, 224, 224))[-1].mean((2, 3))))
    assert macs / 1e9 == pytest.approx(4.087, abs=0.005)
    assert sum(p.numel() for p in both.parameters()) == 23_637_119


def test_a_distilled_config_counts_its_student_and_needs_no_teacher():
    plain = Config(dict(model=RGB_NETWORK, test_dataloader=TEST_SET))
    depth = dict(RGB_NETWORK, modality='depth', backbone=dict(RGB_NETWORK['backbone'], in_channels=1))
    teachers = dict(depth=dict(model=depth, checkpoint='not/trained/yet.pth'))
    model = dict(type='DistilledEstimator', student=RGB_NETWORK, teachers=teachers, distillers=MIMIC)
    distilled = Config(dict(model=model, test_dataloader=TEST_SET))
    assert measure_config(distilled) == measure_config(plain)
    assert (
        measure_config(Config(dict(model=depth, test_dataloader=TEST_SET))).params
        == measure_config(plain).params - 2 * 49 * 8
    )


@pytest.mark.parametrize('with_head', [False, True])
def test_of_a_view_synthesizer_what_the_plain_estimator_has_counts(with_head):
    encoder = dict(type='GeometryEncoder', depth=18, input_size=64, base_channels=4, num_points=10, appearance=6)
    decoder = dict(type='ViewDecoder', input_size=64, num_points=10, appearance=6, base_channels=4)
    head = dict(type='LatentPoseHead', in_channels=30, hidden=(16,), codec=dict(type='RootRelativeXYZ'))
    network = dict(type='HandResNet', depth=18, stem='imagenet', base_channels=4)
    model = dict(
        type='ViewSynthesizer',
        backbone=encoder,
        decoder=decoder,
        feature_loss=dict(type='FeatureL1Loss', network=network),
        head=head if with_head else None,
    )
    found = measure_config(Config(dict(model=model, test_dataloader=TEST_SET)))
    plain = dict(type='HandPoseEstimator', backbone=encoder, head=head)
    expected = measure_config(Config(dict(model=plain, test_dataloader=TEST_SET)))
    layers = (30 * 16, 16 * 63)
    params, macs = (0, 0) if with_head else (sum(layers) + 16 + 63 + 2 * 16, sum(layers))
    assert found == (expected.params - params, expected.macs - macs)


def test_the_input_size_scales_the_convolutions_only():
    cfg = Config(dict(model=RGB_NETWORK, test_dataloader=TEST_SET))
    head = 3 * (64 * 256 + 256 * 64 + 64 * 21)
    small, large = measure_config(cfg).macs - head, measure_config(cfg, (128, 64)).macs - head
    assert large == 2 * small
    with pytest.raises(ValueError, match="no pipeline gives the size of the network's input"):
        measure_config(Config(dict(model=RGB_NETWORK, input_size=64)))


@MODELS.register_module()
class InfraredEstimator(HandPoseEstimator):
    """A third party's estimator."""


def test_an_unknown_modality_is_named():
    model = dict(RGB_NETWORK, type='InfraredEstimator', modality=['rgb', 'infrared'])
    with pytest.raises(ValueError, match=r"unknown number of channels of \['infrared'\]"):
        measure_config(Config(dict(model=model, test_dataloader=TEST_SET)))
