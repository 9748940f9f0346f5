import numpy as np
import pytest

from handkd.datasets import SampleKey, seeded
from handkd.datasets.sampling.seeding import draw_numbers


@pytest.mark.parametrize('key', [7, SampleKey(3, 7)])
def test_a_plain_index_is_its_own_seed_and_a_key_brings_one(key):
    with seeded(key):
        got = np.random.rand()
    assert got == np.random.RandomState(7).rand()


def test_the_generators_are_put_back_after_an_error():
    np.random.seed(1)
    expected = np.random.RandomState(1).rand()
    with pytest.raises(KeyError), seeded(5):
        np.random.rand()
        raise KeyError
    assert np.random.rand() == expected


def test_numbers_of_several_keys():
    np.random.seed(1)
    found = draw_numbers([7, SampleKey(3, 9)], 4)
    np.testing.assert_array_equal(found, [np.random.RandomState(seed).rand(4) for seed in (7, 9)])
    assert np.random.rand() == np.random.RandomState(1).rand()
