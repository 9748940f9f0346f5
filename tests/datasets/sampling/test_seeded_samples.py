"""Samples of data sets that draw from the global generators depend on the sampler's seed alone."""

import pickle
import random

import numpy as np
import pytest

from handkd.datasets import SampleKey, SeededSamples


class Noise:
    """A data set of another package."""

    pipeline = 'first'

    def __len__(self):
        return 3

    def __getitem__(self, index):
        assert type(index) is int
        return index, np.random.rand(), random.random()


def test_a_sample_depends_on_its_key_alone():
    dataset = SeededSamples(Noise())
    state = np.random.get_state()[1].copy()
    assert len(dataset) == 3 and dataset[SampleKey(1, 5)] == dataset[SampleKey(1, 5)] != dataset[SampleKey(1, 6)]
    assert dataset[2] == dataset[2] and dataset[2][0] == 2
    assert (np.random.get_state()[1] == state).all()


def test_all_else_is_the_data_sets_own():
    inner = Noise()
    dataset = SeededSamples(inner)
    dataset.pipeline = 'second'
    assert inner.pipeline == 'second' == dataset.pipeline and not hasattr(dataset, '__getitems__')
    copy = pickle.loads(pickle.dumps(dataset))
    assert copy.pipeline == 'second' and copy[SampleKey(1, 5)] == dataset[SampleKey(1, 5)]
    with pytest.raises(AttributeError):
        dataset.nothing  # noqa: B018
