"""Shards for streaming: what goes in comes out, and a damaged file is named."""

import io
import tarfile

import numpy as np
import pytest

from handkd.datasets.packed.tar import open_writer, read_bytes, read_tar


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    labels = np.zeros(1, [('name', 'S3'), ('K', 'f8', (3, 3))])
    labels['name'], labels['K'] = b'abc', np.eye(3)
    return {'img': rng.integers(0, 255, (5, 4, 3), np.uint8), 'depth': rng.random((5, 4), np.float32), 'labels': labels}


def write(path, arrays, count=3):
    with open_writer(path) as writer:
        for i in range(count):
            members = {}
            for name, array in arrays.items():
                buffer = io.BytesIO()
                np.save(buffer, array)
                members[f'{name}.npy'] = buffer.getvalue()
            writer.write({'__key__': f'{10 + i:09d}', **members})
    return path


def test_arrays_come_back_in_order(tmp_path, arrays):
    path = write(tmp_path / 'a.tar', arrays)
    found = list(read_tar(str(path)))
    assert [number for number, _ in found] == [10, 11, 12]
    for _, members in found:
        assert members.keys() == arrays.keys()
        for name, array in arrays.items():
            assert members[name].dtype == array.dtype
            np.testing.assert_array_equal(members[name], array)
    with tarfile.open(path) as tar:  # any tool opens it
        assert len(tar.getnames()) == 9


def test_equal_samples_make_an_equal_file(tmp_path, arrays):
    one, two = (write(tmp_path / name, arrays).read_bytes() for name in ('a.tar', 'b.tar'))
    assert one == two


@pytest.mark.parametrize('spoil', [lambda data: data[:700], lambda data: b'no tar' * 200])
def test_a_damaged_shard_is_named(tmp_path, arrays, spoil):
    path = write(tmp_path / 'a.tar', arrays)
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(OSError, match=r'a\.tar: the shard is damaged'):
        list(read_tar(str(path)))


def test_what_can_not_be_read_is_named(tmp_path):
    with pytest.raises(OSError, match=r'none\.json: can not be read'):
        read_bytes(str(tmp_path / 'none.json'))
