from collections import Counter

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope

from handkd.datasets import MixedDataset, SampleKey
from handkd.datasets.transforms.batch import BatchTransform
from handkd.registry import DATASETS, TRANSFORMS

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
    for weights in ([1.0], [1, 0], [1, -2.0], [1, float('inf')], '12', 2.0):
        with pytest.raises(ValueError, match='loss_weights must be one positive number for each of 2 sets'):
            MixedDataset([FIRST, SECOND], [1, 1], loss_weights=weights)
    with pytest.raises(IndexError, match='has 12 samples, found index 12'):
        mixed.locate(12)


@TRANSFORMS.register_module()
class ForgetKeys(BatchTransform):
    """Removes what a set does not label."""

    def __init__(self, *, keys):
        self.keys = keys

    def transform_batch(self, batch, draws):
        for key in self.keys:
            batch.pop(key)


@TRANSFORMS.register_module()
class UnlabelJoints(BatchTransform):
    def transform_batch(self, batch, draws):
        batch['keypoints_valid'] = np.zeros((batch.size, 21), np.float32)


def hands(modalities, fields=(), forget=(), **settings):
    steps = [dict(type='DepthToCube')] * ('depth' in modalities) + [dict(type='ForgetKeys', keys=forget)]
    pack = dict(type='PackHandInputs', modalities=modalities, fields=fields)
    return {**FIRST, 'modalities': modalities, 'pipeline': [*steps, pack], **settings}


EVERYTHING = hands(['rgb', 'depth'], ['hand_mask'])
FLAT = hands(['rgb'], forget=['keypoints_cam'], seed=3)
OPTIONAL = ('depth', 'keypoints', 'keypoints_cam', 'hand_mask')


def test_what_samples_lack_is_filled_and_named(mixed):
    both = MixedDataset([EVERYTHING, FLAT], [1, 1], OPTIONAL)
    samples = both.__getitems__([0, 1, 2, 3])
    assert [sample['data_samples'].absent for sample in samples] == [(), ('depth', 'keypoints_cam', 'hand_mask')] * 2
    for sample, alone in zip(samples[::2], DATASETS.build(EVERYTHING).__getitems__([0, 1])):
        assert all(torch.equal(sample['inputs'][key], alone['inputs'][key]) for key in ('rgb', 'depth'))
    for sample in samples[1::2]:
        depth = sample['inputs']['depth']
        assert (depth.shape, depth.dtype, depth.abs().sum()) == ((1, 32, 32), torch.float32, 0)
    batch = pseudo_collate(samples)
    assert {key: len(images) for key, images in batch['inputs'].items()} == dict(rgb=4, depth=4)
    assert 'absent' not in mixed[0]['data_samples'], 'nothing is optional'


def test_joints_without_any_label_are_absent():
    unlabelled = {**FIRST, 'pipeline': [dict(type='UnlabelJoints'), dict(type='PackHandInputs')]}
    both = MixedDataset([FIRST, unlabelled], [1, 1], OPTIONAL[1:3])
    assert [both[i]['data_samples'].absent for i in (0, 1)] == [(), ('keypoints', 'keypoints_cam')]


def test_inputs_that_differ_are_refused_unless_they_are_optional():
    message = r"set 1, StudioDataset, packs no 'depth', but set 0, StudioDataset, does: .* optional=\('depth',\)"
    for sets in ([EVERYTHING, FLAT], [EVERYTHING, FLAT, EVERYTHING]):
        with pytest.raises(ValueError, match=message):
            MixedDataset(sets, [1] * len(sets), optional=['keypoints_cam'])
    with pytest.raises(ValueError, match="there is no 'dept'; did you mean 'depth'"):
        MixedDataset([EVERYTHING, FLAT], [1, 1], optional=['dept'])
    with pytest.raises(ValueError, match="optional must be a tuple such as .*, found 'depth'"):
        MixedDataset([EVERYTHING, FLAT], [1, 1], optional='depth')


@DATASETS.register_module()
class InOrder:
    """A set that is read in order only, as a stream is."""

    def __len__(self):
        return 3


def test_a_set_of_unknown_numbers_is_refused():
    with pytest.raises(ValueError, match='set 1, InOrder, can only be read in order: use a set of numbered samples'):
        MixedDataset([FIRST, dict(type='InOrder')], [1, 1])
