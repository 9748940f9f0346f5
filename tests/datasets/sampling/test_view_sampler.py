"""Groups of views: what belongs together, in constant shares, the same stream whoever asks for which part of it."""

import itertools
import pickle
from collections import Counter

import numpy as np
import pytest
from mmengine.runner.loops import _InfiniteDataloaderIterator
from torch.utils.data import DataLoader

from handkd.datasets import Captures, GroupKey, ViewGroupSampler
from handkd.datasets.sampling import view_sampler as module
from handkd.studio import StudioRigDataset


class Rig:
    """3 tracks of 5, 4 and 1 moments in 4 cameras; some views are missing; numbers are shuffled."""

    def __init__(self, labelled=None):
        rng = np.random.default_rng(0)
        rows = [(track, frame, view) for track, n in enumerate((5, 4, 1)) for frame in range(n) for view in range(4)]
        rows = [row for row in rows if row not in {(0, 1, 2), (0, 2, 0), (0, 2, 1), (0, 2, 3), (1, 0, 0)}]
        self.rows = [rows[i] for i in rng.permutation(len(rows))]
        if labelled is not None:
            self.labelled = np.isin(np.arange(len(rows)), labelled)

    def __len__(self):
        return len(self.rows)

    def captures(self):
        track, frame, view = np.array(self.rows).T
        return Captures(track, track, frame, view, track, ('a', 'b', 'c'))

    def view_groups(self):
        moments = sorted({row[:2] for row in self.rows})
        table = np.full((len(moments), 4), -1)
        for index, (track, frame, view) in enumerate(self.rows):
            table[moments.index((track, frame)), view] = index
        return table


def take(sampler, n):
    return list(itertools.islice(sampler, n))


def plain(keys):
    return [(int(key), key.draw, key.group) for key in keys]


def groups_of(rig, sampler, batches):
    for _ in range(batches):
        keys = take(iter_of(sampler), sampler.batch_size)
        for k in range(sampler.groups):
            yield [rig.rows[key] for key in keys[4 * k : 4 * k + 4]]


def iter_of(sampler):
    if not hasattr(sampler, 'stream'):
        sampler.stream = iter(sampler)
    return sampler.stream


@pytest.mark.parametrize('same_time', [False, True])
def test_a_group_is_two_views_of_two_moments_of_one_track(same_time):
    rig = Rig()
    same, cameras, order = 0, Counter(), Counter()
    for one, two, three, four in groups_of(rig, ViewGroupSampler(rig, 3, same_time=same_time, seed=1), 400):
        assert one[:2] == two[:2] and three[:2] == four[:2], 'synchronised'
        assert one[2] != two[2] and three[2] != four[2], 'different cameras'
        assert one[0] == three[0], 'the same hand'
        same += one[1] == three[1]
        cameras[one[2]] += 1
        order[one[2] < two[2]] += 1
    assert (same > 100) if same_time else (same == 0)
    assert min(cameras.values()) > 150 and len(cameras) == 4 and min(order.values()) > 400


def test_every_lap_has_each_moment_once():
    rig = Rig()
    firsts = [group[0][:2] for group in groups_of(rig, ViewGroupSampler(rig, 4, seed=2), 8)]
    usable = {(0, 0), (0, 1), (0, 3), (0, 4), (1, 0), (1, 1), (1, 2), (1, 3)}
    laps = [firsts[k : k + 8] for k in range(0, 32, 8)]
    assert all(set(lap) == usable for lap in laps), 'without the moment that one camera sees, and the lonely hand'
    assert laps[0] != laps[1]
    others = Counter(group[2][:2] for group in groups_of(rig, ViewGroupSampler(rig, 4, seed=2), 100))
    assert set(others) == usable and min(others.values()) > 20


def test_labelled_samples_in_a_constant_share():
    rig = Rig(labelled=[3, 8, 20])
    sampler = ViewGroupSampler(rig, 2, 4, seed=5)
    drawn = Counter()
    for number in range(30):
        keys = sampler.batch(number)
        assert [key.group for key in keys] == [0] * 4 + [1] * 4 + [-1] * 4
        drawn.update(int(key) for key in keys[8:])
    assert drawn == {3: 40, 8: 40, 20: 40}, 'a labelled minority is repeated, each as often'
    supervised = ViewGroupSampler(rig, 0, 3, seed=5)
    assert all(sorted(map(int, supervised.batch(n))) == [3, 8, 20] for n in range(5))
    assert {int(key) for n in range(30) for key in ViewGroupSampler(Rig(), 0, 4, seed=0).batch(n)} == set(range(35))


def test_the_stream_is_a_function_of_the_seed():
    rig = Rig(labelled=range(20))
    whole = plain(take(ViewGroupSampler(rig, 2, 1, seed=4), 90))
    assert plain(take(ViewGroupSampler(rig, 2, 1, seed=4), 90)) == whole
    assert plain(take(ViewGroupSampler(rig, 2, 1, seed=5), 90)) != whole
    resumed = ViewGroupSampler(rig, 2, 1, seed=4)
    resumed.skip(36)
    assert plain(take(resumed, 54)) == whole[36:]
    assert len({draw for _, draw, _ in whole}) == 90, 'each sample is augmented by its own numbers'


def test_cameras_are_drawn_by_the_seed_and_in_any_order():
    rig = Rig()
    rig.rows = sorted((track, frame, view) for track in range(2) for frame in range(4) for view in range(4))

    def views(seed):
        return [group[k][2] for group in groups_of(rig, ViewGroupSampler(rig, 2, seed=seed), 50) for k in range(4)]

    drawn = views(0)
    rising = np.mean([one < two for one, two in zip(drawn[::2], drawn[1::2])])
    assert 0.35 < rising < 0.65
    agree = np.mean(np.equal(drawn, views(1)))
    assert agree < 0.4, 'a quarter by chance'


def test_ranks_share_out_the_batches_of_one_process(monkeypatch):
    rig = Rig(labelled=range(20))
    whole = plain(take(ViewGroupSampler(rig, 2, 1, seed=4), 9 * 12))
    parts = []
    for rank in range(3):
        monkeypatch.setattr(module, 'get_dist_info', lambda rank=rank: (rank, 3))
        sampler = ViewGroupSampler(rig, 2, 1, seed=4)
        sampler.skip(9)
        parts.append(plain(take(sampler, 27)))
    batches = [part[k : k + 9] for k in range(0, 27, 9) for part in parts]
    assert [key for batch in batches for key in batch] == whole[27:]


@pytest.mark.parametrize('world', [1, 2, 3, 5])
def test_a_finite_stream_is_the_beginning_of_the_endless_one(monkeypatch, world):
    rig = Rig(labelled=range(20))
    whole = plain(take(ViewGroupSampler(rig, 2, 1, seed=0), 4 * 9))
    parts = []
    for rank in range(world):
        monkeypatch.setattr(module, 'get_dist_info', lambda rank=rank: (rank, world))
        sampler = ViewGroupSampler(rig, 2, 1, batches=4)
        parts.append(plain(sampler))
        assert parts[-1] == plain(sampler), 'each walk begins anew'
        assert len(sampler) == len(parts[-1]) == 9 * len(range(rank, 4, world))
    batches = [part[k : k + 9] for k in range(0, 36, 9) for part in parts]
    assert [key for batch in batches for key in batch] == whole
    assert plain(ViewGroupSampler(rig, 2, 1, batches=4, seed=1)) != whole


def test_an_endless_stream_has_the_length_of_the_set():
    assert len(ViewGroupSampler(Rig(), 2, seed=0)) == len(Rig()) == 35


def test_a_loader_gives_whole_groups_and_resumes():
    """As MMEngine's train loop does it: the loader's sampler is told how many samples to leave out."""
    rig = StudioRigDataset('train', 1, sequences=2, frames=6, views=4, resolution=32)

    def loader():
        sampler = ViewGroupSampler(rig, 2, 2, seed=9)
        return DataLoader(Labels(rig), batch_size=sampler.batch_size, sampler=sampler, collate_fn=list)

    straight = _InfiniteDataloaderIterator(loader())
    batches = [next(straight) for _ in range(5)]
    resumed = _InfiniteDataloaderIterator(loader())
    resumed.skip_iter(3)
    assert next(resumed) == batches[3] and next(resumed) == batches[4]
    for batch in batches:
        for k in (0, 4):
            (i, j, m, n) = batch[k : k + 4]
            assert i[:2] == j[:2] and m[:2] == n[:2] and i[0] == m[0] and i[1] != m[1] and i[2] != j[2]


class Labels:
    """Where the samples of a rig come from."""

    def __init__(self, rig):
        self.rig = rig

    def __len__(self):
        return len(self.rig)

    def __getitem__(self, key):
        record = self.rig.get_labels(int(key))
        return record['sequence'], record['frame'], record['view'], key.group


def test_keys_reach_worker_processes_whole():
    key = pickle.loads(pickle.dumps(GroupKey(5, 77, 2)))
    assert key == 5 and key.draw == 77 and key.group == 2


def test_what_it_refuses():
    with pytest.raises(ValueError, match='list does not know the cameras'):
        ViewGroupSampler([1, 2], seed=0)
    with pytest.raises(ValueError, match='must not be negative, nor both 0, found 0, 0'):
        ViewGroupSampler(Rig(), 0, seed=0)
    with pytest.raises(ValueError, match='batches must be at least 1, found 0'):
        ViewGroupSampler(Rig(), batches=0)
    with pytest.raises(ValueError, match='Rig has no labelled sample'):
        ViewGroupSampler(Rig(labelled=[]), 1, 1, seed=0)
    lonely = Rig()
    lonely.rows = [row for row in lonely.rows if row[1] == 0]
    with pytest.raises(ValueError, match='no hand of Rig .* at two times .*smaller every_nth_frame'):
        ViewGroupSampler(lonely, seed=0)
    assert len(take(ViewGroupSampler(lonely, 1, same_time=True, seed=0), 4)) == 4
    with pytest.raises(ValueError, match=r'4 \* 8 \+ 0 = 32 samples; set .* found 63 samples'):
        ViewGroupSampler(Rig(), seed=0).skip(63)
    skipping = Rig()
    skipping.skipped = object()
    with pytest.raises(ValueError, match="on_corrupt='stop'"):
        ViewGroupSampler(skipping, seed=0)
