import random

import numpy as np
import pytest
from torch.utils.data import DataLoader

from handkd.datasets import ReproducibleDataset, ReproducibleSampler, SampleKey


def noise(results):
    results['noise'] = (np.random.rand(), random.random())
    return results


class Numbers(ReproducibleDataset):
    METAINFO = dict(dataset_name='numbers')

    def __init__(self):
        super().__init__([noise])

    def __len__(self):
        return 6

    def get_data_info(self, index):
        return dict(index=index)


@pytest.mark.parametrize('workers', [1, 2])
def test_augmentation_does_not_depend_on_the_workers(workers):
    def draws(num_workers):
        sampler = ReproducibleSampler(range(6), seed=0)
        loader = DataLoader(Numbers(), 2, sampler=sampler, num_workers=num_workers, collate_fn=list)
        return [sample for _, batch in zip(range(6), loader) for sample in batch]

    assert draws(workers) == draws(0)


def test_laps_differ_and_evaluation_repeats():
    data = Numbers()
    assert data[SampleKey(2, 1)] != data[SampleKey(2, 2)]
    assert data[2] == data[2] and data[2]['noise'] != data[3]['noise']


def test_the_global_generators_are_left_as_they_were():
    np.random.seed(0), random.seed(0)
    expected = np.random.rand(), random.random()
    np.random.seed(0), random.seed(0)
    Numbers()[3]
    assert (np.random.rand(), random.random()) == expected


def test_labels_are_the_whole_sample_where_nothing_is_cheaper():
    assert Numbers().get_labels(4) == Numbers().get_data_info(4) == dict(index=4)
