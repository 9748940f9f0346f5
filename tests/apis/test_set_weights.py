"""Weights of a mixture's sets: the line of the log, and the part of a network that can't have them."""

import pytest

from handkd.apis.set_weights import set_weight_lines
from handkd.hints import ConfigError
from handkd.registry import DATASETS, MODELS

HANDS = dict(type='StudioDataset', split='train', length=2, resolution=32, modalities=['rgb'])
MIXED = dict(type='MixedDataset', datasets=[HANDS, dict(HANDS, seed=3)], shares=[1, 1])


def network(head: dict) -> dict:
    return dict(
        type='HandPoseEstimator',
        backbone=dict(type='HandResNet', depth=18, stem='imagenet', base_channels=4),
        neck=dict(type='GlobalAveragePooling'),
        head=head,
    )


PMD = network(dict(type='PMDHead', in_channels=32, codec=dict(type='RootRelativeXYZ')))


@pytest.fixture
def weighted():
    return DATASETS.build(dict(MIXED, loss_weights=[2, 0.25]))


def test_the_line_names_each_set_also_within_another_data_set(weighted):
    line = (
        'MixedDataset: the losses of a sample are multiplied by the weight of its set: 2 (set 0, StudioDataset), '
        '0.25 (set 1, StudioDataset)'
    )
    model = MODELS.build(PMD)
    assert set_weight_lines(weighted, model) == [line]
    joined = dict(type='JoinedDataset', datasets=[dict(MIXED, loss_weights=[2, 0.25]), HANDS], names=['a', 'b'])
    assert set_weight_lines(DATASETS.build(joined), model) == [line]
    assert set_weight_lines(DATASETS.build(MIXED), model) == [] == set_weight_lines(DATASETS.build(HANDS), model)


@pytest.mark.parametrize(
    ('settings', 'part'),
    [
        (
            network(dict(type='LatentPoseHead', in_channels=32, codec=dict(type='RootRelativeXYZ'))),
            'the head LatentPoseHead',
        ),
        (
            dict(
                type='DistilledEstimator',
                student=PMD,
                distillers=dict(near=dict(type='BackgroundSuppression', layer='backbone.layer1')),
            ),
            "the distiller 'near'",
        ),
    ],
)
def test_a_part_without_losses_by_sample_is_named(settings, part, weighted, monkeypatch):
    model = MODELS.build(settings)
    owner = model.training_only['near'] if 'distillers' in settings else model.head
    monkeypatch.setattr(type(owner), 'takes_sample_weights', False)
    with pytest.raises(ConfigError, match=rf'MixedDataset\(loss_weights=\[2, 0.25\]\): {part}.* has no losses by'):
        set_weight_lines(weighted, model)
