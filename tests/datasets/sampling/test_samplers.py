import itertools
import pickle

import numpy as np
import pytest

from handkd.datasets import ReproducibleSampler, SampleKey
from handkd.datasets.sampling import samplers as module


def take(sampler, n):
    return [(int(key), key.draw) for key in itertools.islice(sampler, n)]


def test_every_lap_is_a_permutation_of_its_own():
    keys = [key for key, _ in take(ReproducibleSampler(range(50), seed=3), 150)]
    laps = np.array(keys).reshape(3, 50)
    assert all(sorted(lap) == list(range(50)) for lap in laps)
    assert not (laps[0] == laps[1]).all() and not (laps[1] == laps[2]).all()


def test_the_same_sample_is_drawn_with_another_seed_in_every_lap():
    draws = take(ReproducibleSampler(range(10), seed=3, shuffle=False), 1000)
    assert [key for key, _ in draws[:20]] == [*range(10), *range(10)]
    assert len({draw for _, draw in draws}) == 1000


def test_skipping_is_the_same_as_drawing():
    whole = take(ReproducibleSampler(range(7), seed=1), 40)
    sampler = ReproducibleSampler(range(7), seed=1)
    sampler.skip(23)
    assert take(sampler, 17) == whole[23:]


def test_ranks_share_out_the_stream_of_one_process(monkeypatch):
    whole = take(ReproducibleSampler(range(11), seed=5), 60)
    parts = []
    for rank in range(3):
        monkeypatch.setattr(module, 'get_dist_info', lambda rank=rank: (rank, 3))
        sampler = ReproducibleSampler(range(11), seed=5)
        sampler.skip(4)
        parts.append(take(sampler, 16))
    assert [item for row in zip(*parts) for item in row] == whole[12:]


def test_keys_reach_worker_processes_whole():
    key = pickle.loads(pickle.dumps(SampleKey(5, 77)))
    assert key == 5 and key.draw == 77 and [10, 11, 12, 13, 14, 15][key] == 15


def test_an_empty_data_set_is_an_error():
    with pytest.raises(ValueError, match='list has no samples'):
        ReproducibleSampler([], seed=0)
