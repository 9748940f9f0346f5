"""One shard: written whole or not at all."""

import os
import resource
import subprocess
from contextlib import contextmanager

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


@contextmanager
def largest_file(size):
    """As if the disk were full at a size: Python ignores the signal, and the write fails."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize('form', ['memmap', 'webdataset'])
@pytest.mark.parametrize('size', [100, 5000])
def test_a_write_that_fails_is_said_with_the_file(make_source, tmp_path, form, size):
    pytest.importorskip('webdataset')
    packer = Packer(make_source(6), {}, tmp_path, PackSettings(shard=4, size=32, format=form))
    with largest_file(size), pytest.raises(OSError, match=r'could not be written; free some space.*/new') as caught:
        write_shard(tmp_path, packer.manifest, 0, packer.crop)
    assert '\n' not in str(caught.value) and os.listdir(tmp_path) == []


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of 128 KiB, in memory; mounting takes the rights of root."""
    folder = tmp_path / 'disk'
    folder.mkdir()
    mount = ['mount', '-t', 'tmpfs', '-o', 'size=128k', 'none', str(folder)]
    try:
        if subprocess.run(mount, capture_output=True).returncode:
            pytest.skip('no file system can be mounted here')
    except FileNotFoundError:
        pytest.skip('there is no mount')
    yield folder
    subprocess.run(['umount', str(folder)], check=True)


def test_a_full_disk_ends_packing_and_not_the_process(make_source, small_disk):
    """A file mapped into memory gets its room when it is written to: without room the process was killed (SIGBUS)."""
    packer = Packer(make_source(6), {}, small_disk, PackSettings(shard=6, size=160))
    with pytest.raises(OSError, match=r'No space left on device: could not be written.*\.npy'):
        packer.run()
    assert [name for name in os.listdir(small_disk) if name != 'pack.json'] == []


def test_rows_that_were_skipped_are_zeros(make_source, tmp_path):
    source = make_source(6, damaged=(0, 2, 5))
    packer = Packer(source, {}, tmp_path, PackSettings(shard=6, size=32, on_corrupt='skip'))
    assert write_shard(tmp_path, packer.manifest, 0, packer.crop)['num'] == 3
    images = np.load(tmp_path / 'shard-00000' / 'img.npy')
    assert images.shape == (6, 32, 32, 3) and [bool(image.any()) for image in images] == [False, True] * 2 + [
        True,
        False,
    ]
