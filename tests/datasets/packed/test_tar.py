"""Shards for streaming: what goes in comes out, and a damaged file is named."""

import gzip
import io
import sys
import tarfile

import numpy as np
import pytest

from handkd.datasets.packed.forms import ArrayForm
from handkd.datasets.packed.tar import open_writer, read_tar

pytest.importorskip('webdataset')
FORMS = {'img': ArrayForm('|u1', (5, 4, 3)), 'depth': ArrayForm('<f4', (5, 4))}


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


def read(path):
    with open(path, 'rb') as file:
        return list(read_tar(file, FORMS))


def test_arrays_come_back_in_order(tmp_path, arrays):
    path = write(tmp_path / 'a.tar', arrays)
    found = read(path)
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


@pytest.mark.parametrize('spoil', [lambda data: data[:700], lambda data: b'no tar' * 200, lambda data: b''])
def test_what_is_no_tar_file_is_said(tmp_path, arrays, spoil):
    path = write(tmp_path / 'a.tar', arrays)
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(ValueError, match=r'not a tar file|not a header'):
        read(path)


def pack_members(path, *members):
    with tarfile.open(path, 'w') as tar:
        for name, content, settings in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            for key, value in settings.items():
                setattr(info, key, value)
            tar.addfile(info)  # the header alone, which may say what it likes
            tar.fileobj.write(content + bytes(-len(content) % 512))


@pytest.mark.parametrize(
    ('name', 'settings', 'message'),
    [
        ('../000000001.img.npy', {}, "holds '../000000001.img.npy'"),
        ('/etc/000000001.img.npy', {}, "holds '/etc"),
        ('000000001.evil.npy', {}, "holds '000000001.evil.npy'"),
        ('000000001.img.pkl', {}, "holds '000000001.img.pkl'"),
        ('000000001.img.npy', dict(type=tarfile.SYMTYPE, linkname='/etc/passwd'), 'not a tar file of plain files'),
        ('000000001.img.npy', dict(type=tarfile.CHRTYPE), 'not a tar file of plain files'),
        ('000000001.img.npy', dict(type=tarfile.GNUTYPE_SPARSE), 'not a tar file of plain files'),
        ('000000001.img.npy', dict(size=8**11 - 1), 'has 8589934591 bytes, expected at most'),
    ],
)
def test_members_of_other_kinds_are_refused(tmp_path, name, settings, message):
    pack_members(tmp_path / 'a.tar', (name, b'x' * 600, settings))
    with pytest.raises(ValueError, match=message):
        read(tmp_path / 'a.tar')


def test_a_compressed_shard_is_none(tmp_path, arrays):
    """It could hold more than memory does."""
    path = write(tmp_path / 'a.tar', arrays)
    path.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(ValueError, match='not a tar file'):
        read(path)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(img=np.zeros((5, 4, 3), np.float32)), r'sample 10: expected uint8 \(5, 4, 3\), found float32'),
        (dict(img=np.zeros((4, 5, 3), np.uint8)), r'found uint8 \(4, 5, 3\)'),
        (dict(depth=np.zeros((5, 4), np.float32, 'F')), 'Fortran'),
        (dict(labels=np.zeros(2, [('name', 'S3')])), r'expected labels of one sample, found \(2,\)'),
        (dict(labels=None), r"expected the arrays \['depth', 'img', 'labels'\], found \['depth', 'img'\]"),
    ],
)
def test_arrays_of_another_kind_are_refused(tmp_path, arrays, change, message):
    arrays = {name: array for name, array in {**arrays, **change}.items() if array is not None}
    with pytest.raises(ValueError, match=message):
        read(write(tmp_path / 'a.tar', arrays))


def test_objects_are_not_unpickled(tmp_path, arrays):
    class Evil:
        def __reduce__(self):
            return open, (str(tmp_path / 'run'), 'w')

    buffer = io.BytesIO()
    np.save(buffer, np.array([Evil()], object), allow_pickle=True)
    pack_members(tmp_path / 'a.tar', ('000000001.labels.npy', buffer.getvalue(), {}))
    (tmp_path / 'run').unlink(missing_ok=True)
    with pytest.raises(ValueError, match='does not belong to a pack'):
        read(tmp_path / 'a.tar')
    assert not (tmp_path / 'run').exists()


def test_packing_needs_the_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'webdataset', None)
    with pytest.raises(ImportError, match="package 'webdataset': pip install webdataset"):
        open_writer(tmp_path / 'a.tar')
