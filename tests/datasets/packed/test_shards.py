"""One shard: written whole or not at all."""

import os

import numpy as np
import pytest

from handkd.datasets.packed import Packer, PackSettings
from handkd.datasets.packed.shards import write_shard


@pytest.fixture
def packer(make_source, tmp_path):
    return Packer(make_source(6), {}, tmp_path, PackSettings(shard=4, size=32))


def test_what_is_said_of_a_shard_is_what_is_there(packer, tmp_path):
    done = write_shard(tmp_path, packer.manifest, 1, packer.crop)
    assert (done['number'], done['num'], done['skipped']) == (1, 2, {})
    assert sorted(done['files']) == [f'shard-00001/{name}.npy' for name in ('depth', 'img', 'labels', 'parts')]
    for name, (size, _) in done['files'].items():
        assert os.path.getsize(tmp_path / name) == size
    images = np.load(tmp_path / 'shard-00001' / 'img.npy')
    for i in (4, 5):
        np.testing.assert_array_equal(images[i - 4], packer.crop(i)['img'])


@pytest.mark.parametrize('error', [OSError('disk full'), KeyboardInterrupt()])
def test_an_error_in_the_middle_leaves_nothing(packer, tmp_path, error):
    def crop(index):
        if index == 2:
            raise error
        return packer.crop(index)

    with pytest.raises(type(error)):
        write_shard(tmp_path, packer.manifest, 0, crop)
    assert os.listdir(tmp_path) == []


def test_labels_that_differ_stop_it_even_where_damage_is_skipped(make_source, tmp_path):
    packer = Packer(make_source(4), {}, tmp_path, PackSettings(shard=4, size=32, on_corrupt='skip'))

    def crop(index):
        sample = packer.crop(index)
        return sample if index != 3 else sample | {'extra': 1}

    with pytest.raises(ValueError, match=r"sample 3 of the source: all samples of a pack need the same.*\['extra'\]"):
        write_shard(tmp_path, packer.manifest, 0, crop)
