import pytest
import torch
from mmengine.registry import init_default_scope

from handkd.datasets import JoinedDataset, ReproducibleDataset
from handkd.registry import DATASETS

PACK = [dict(type='PackHandInputs')]
FIRST = dict(type='StudioDataset', split='val', length=3, resolution=16, modalities=['rgb'], pipeline=PACK)
SECOND = {**FIRST, 'length': 2, 'seed': 5}


@DATASETS.register_module()
class PalmHands(ReproducibleDataset):
    METAINFO = dict(dataset_name='palms', joint0='palm')

    def __len__(self):
        return 1


@pytest.fixture(scope='module')
def joined():
    init_default_scope('handkd')
    return JoinedDataset([FIRST, SECOND], names=['a', 'b'])


def test_each_sample_comes_once_and_names_its_set(joined):
    assert [joined.locate(i) for i in range(len(joined))] == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]
    sets = [DATASETS.build(FIRST), DATASETS.build(SECOND)]
    for index, sample in zip((4, 0, 3), joined.__getitems__([4, 0, 3])):
        number, place = joined.locate(index)
        assert sample['data_samples'].set_name == 'ab'[number]
        assert torch.equal(sample['inputs']['rgb'], sets[number][place]['inputs']['rgb'])
    assert joined.metainfo['set_names'] == ('a', 'b') and joined.metainfo['dataset_name'] == 'a+b'
    with pytest.raises(IndexError, match='has 5 samples, found index 5'):
        joined[5]


def test_sets_that_no_table_can_tell_apart_are_refused(joined):
    for names in (None, ['a'], ['a', 'a'], ['a', 'b/c'], ['a', '']):
        with pytest.raises(ValueError, match="names must be 2 different names without '/', one per set, found"):
            JoinedDataset([FIRST, SECOND], names)
    with pytest.raises(ValueError, match='at least one set'):
        JoinedDataset([])
    with pytest.raises(ValueError, match=r"joint 0 must be the same point in all sets, found .*'palms': 'palm'"):
        JoinedDataset([FIRST, dict(type='PalmHands')])
