import pytest
import torch
from torch import nn

from handkd.hints import ConfigError
from handkd.models import CheckpointError
from handkd.models.backbones.frozen_estimator import FrozenEstimator
from handkd.registry import MODELS

SMALL = dict(
    type='HandPoseEstimator',
    modality='depth',
    backbone=dict(type='HandResNet', depth=18, stem='imagenet', base_channels=4, in_channels=1),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='PMDHead', in_channels=32, codec=dict(type='RootRelativeXYZ')),
)


@pytest.fixture
def checkpoint(tmp_path):
    torch.manual_seed(5)
    torch.save(MODELS.build(SMALL).state_dict(), tmp_path / 'first.pth')
    return tmp_path / 'first.pth'


def test_it_gives_what_the_trained_estimators_head_takes_and_stays_as_it_is(checkpoint):
    around = nn.Sequential(FrozenEstimator(SMALL, str(checkpoint), 'the first'))
    around[0].init_weights()
    alone = MODELS.build(SMALL)
    alone.load_state_dict(torch.load(checkpoint, weights_only=True))
    images = torch.randn(3, 1, 32, 32)
    before = {name: value.clone() for name, value in around.state_dict().items()}
    feats = around.train()(images)
    expected = alone.eval().neck(alone.backbone(images))
    assert all(torch.equal(one, other) for one, other in zip(feats, expected, strict=True))
    assert not any(feat.requires_grad for feat in feats)
    assert all(torch.equal(value, before[name]) for name, value in around.state_dict().items()), 'no statistics changed'
    assert around[0].head is around[0].network.head and before.keys() >= {'0.network.head.branches.x.fc1.weight'}


def test_without_weights_that_fit_there_is_no_training(checkpoint):
    with pytest.raises(ValueError, match=r'the first has no checkpoint.*model\.backbone\.checkpoint=PATH'):
        FrozenEstimator(SMALL, None, 'the first').init_weights()
    other = {**SMALL, 'head': dict(SMALL['head'], in_channels=16)}
    with pytest.raises(CheckpointError, match='does not fit the first, it is of another architecture'):
        FrozenEstimator(other, str(checkpoint), 'the first').init_weights()


@pytest.mark.parametrize('kind', ['SegmentedDepth', 'CoarseJoints'])
def test_a_network_that_was_trained_with_other_statistics_is_refused(kind):
    key = 'segmentation' if kind == 'SegmentedDepth' else 'estimator'
    half = dict(type='HandDataPreprocessor', depth=dict(mean=(0.25,), std=(0.5,)))
    around = dict(
        type='HandPoseEstimator',
        modality='depth',
        backbone={'type': kind, key: dict(SMALL, data_preprocessor=half)},
        head=dict(type='PMDHead', in_channels=32, codec=dict(type='RootRelativeXYZ')),
    )
    with pytest.raises(ConfigError, match=r'takes depth with mean \[0.25\], std \[0.5\].*gives it values as they are'):
        MODELS.build(around)
    MODELS.build(dict(around, data_preprocessor=half))
    around['backbone'][key] = SMALL
    MODELS.build(around)
