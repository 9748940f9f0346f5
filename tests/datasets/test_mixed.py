from collections import Counter

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope

from handkd.datasets import MixedDataset, SampleKey
from handkd.registry import DATASETS

PIPELINE = [
    dict(type='HandCrop'),
    dict(type='RandomCropNoise', shift=0.2),
    dict(type='WarpCrop', size=16),
    dict(type='PackHandInputs', modalities=['rgb']),
]
FIRST = dict(type='StudioDataset', split='train', length=7, resolution=32, modalities=['rgb'], pipeline=PIPELINE)
SECOND = {**FIRST, 'length': 2, 'seed': 5}


@pytest.fixture(scope='module')
def mixed():
    init_default_scope('handkd')
    return MixedDataset([FIRST, SECOND], shares=[3, 1])


def test_a_pass_has_all_samples_in_the_shares_asked_for(mixed):
    places = [mixed.locate(i) for i in range(len(mixed))]
    assert Counter(number for number, _ in places) == {0: 9, 1: 3}, 'three blocks of 3 + 1'
    assert [place for number, place in places if number == 0] == [*range(7), 0, 1]
    assert [place for number, place in places if number == 1] == [0, 1, 0]
    longer = MixedDataset([SECOND, FIRST], shares=[3, 1])
    assert {longer.locate(i) for i in range(len(longer))} >= {(1, i) for i in range(7)} and len(longer) == 28
    assert all([number for number, _ in places[i : i + 4]] == [0, 0, 0, 1] for i in range(0, 12, 4))


def test_samples_are_those_of_their_sets_with_the_same_augmentation(mixed):
    keys = [SampleKey(index, 100 + index) for index in (3, 0, 7, 6)]
    sets = [DATASETS.build(FIRST), DATASETS.build(SECOND)]
    for key, sample in zip(keys, mixed.__getitems__(keys)):
        number, place = mixed.locate(key)
        alone = sets[number][SampleKey(place, key.draw)]
        assert sample['data_samples'].mixed_from == (number, place)
        assert torch.equal(sample['inputs']['rgb'], alone['inputs']['rgb'])
        np.testing.assert_array_equal(sample['data_samples'].warp_matrix, alone['data_samples'].warp_matrix)
    assert torch.equal(mixed[keys[0]]['inputs']['rgb'], mixed.__getitems__(keys)[0]['inputs']['rgb'])


def test_wrong_shares_are_refused(mixed):
    for shares in ([1], [1, 0], [1, 1, 1]):
        with pytest.raises(ValueError, match='shares must be one number of at least 1 for each of 2 sets'):
            MixedDataset([FIRST, SECOND], shares)
    with pytest.raises(IndexError, match='has 12 samples, found index 12'):
        mixed.locate(12)
