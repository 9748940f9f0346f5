"""numpy's files: what is read, and that nothing is believed that the bytes do not bear out."""

import io
import zipfile

import numpy as np
import pytest

from handkd.array_files import ArrayFileError, read_npy, read_npz

ARRAYS = {
    'c': np.arange(6.0).reshape(2, 3),
    'fortran': np.asfortranarray(np.arange(6, dtype=np.int16).reshape(2, 3)),
    'text': np.array('a text'),
    'no text': np.array(''),
    'flags': np.array([True, False]),
    'none': np.zeros((0, 21, 3), np.float32),
    'big-endian': np.arange(3, dtype='>i4'),
}


def npy(array, **keys):
    content = io.BytesIO()
    np.save(content, array, **keys)
    return content.getvalue()


@pytest.mark.parametrize('save', [np.savez, np.savez_compressed])
def test_arrays_come_back_and_can_be_written_to(tmp_path, save):
    save(tmp_path / 'a.npz', **ARRAYS)
    found = read_npz(tmp_path / 'a.npz')
    assert found.keys() == ARRAYS.keys() and read_npz(tmp_path / 'a.npz', ['text']).keys() == {'text'}
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype and found[name].shape == array.shape
        assert (found[name] == array).all() and found[name].flags.writeable
    assert found['fortran'].flags.f_contiguous


@pytest.mark.parametrize('mapped', [False, True])
@pytest.mark.parametrize('name', ARRAYS)
def test_single_arrays_come_back(tmp_path, name, mapped):
    (tmp_path / 'a.npy').write_bytes(npy(ARRAYS[name]))
    found = read_npy(tmp_path / 'a.npy', mapped)
    assert found.dtype == ARRAYS[name].dtype and found.shape == ARRAYS[name].shape and (found == ARRAYS[name]).all()
    assert isinstance(found, np.memmap) == mapped


def header(text):
    text = text.ljust(117) + '\n'
    return b'\x93NUMPY\x01\x00' + len(text).to_bytes(2, 'little') + text.encode()


FORGED = {
    'giant shape': header("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 21, 3)}") + bytes(80),
    'a shape without bytes': header("{'descr': '<f8', 'fortran_order': False, 'shape': (0, 1000000000000)}"),
    'text of no letters': header("{'descr': '<U0', 'fortran_order': False, 'shape': (1000000000000,)}"),
    'negative shape': header("{'descr': '<f8', 'fortran_order': False, 'shape': (-2, -5)}") + bytes(80),
    'subarray': header("{'descr': ('<f8', (1000000000,)), 'fortran_order': False, 'shape': (1,)}") + bytes(80),
    'records': npy(np.zeros(2, [('a', 'f8')])),
    'nested header': header('(' * 110),
    'header of another kind': header("__import__('os').system('touch victim')"),
    'version': b'\x93NUMPY\x09\x00' + bytes(200),
    'cut short': npy(np.ones(100))[:-1],
    'too long': npy(np.ones(100)) + b'a',
    'empty': b'',
}


@pytest.mark.parametrize('mapped', [False, True])
@pytest.mark.parametrize('case', FORGED)
def test_forged_and_damaged_arrays_are_refused(tmp_path, monkeypatch, case, mapped):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'a.npy').write_bytes(FORGED[case])
    with pytest.raises(ArrayFileError, match=r'^a\.npy: (not a readable npy file \(|has an array of )[^\n]*$'):
        read_npy('a.npy', mapped)
    with zipfile.ZipFile('a.npz', 'w') as archive:
        archive.writestr('x.npy', FORGED[case])
    with pytest.raises(ArrayFileError, match=r'^a\.npz: (not a readable npy file \(|has an array of )[^\n]*$'):
        read_npz('a.npz')
    assert not (tmp_path / 'victim').exists()


def test_python_objects_are_refused(tmp_path):
    (tmp_path / 'a.npy').write_bytes(npy(np.array([{}], object), allow_pickle=True))
    np.savez(tmp_path / 'a.npz', x=np.array([{}], object))
    for read, name in ((read_npy, 'a.npy'), (read_npz, 'a.npz')):
        with pytest.raises(ArrayFileError, match=rf'{name}: has pickled objects, .* refused'):
            read(tmp_path / name)


def test_an_archive_unpacks_to_no_more_than_its_size_allows(tmp_path, monkeypatch):
    monkeypatch.setattr('handkd.array_files._MAX_UNPACKED', 1 << 20)
    np.savez_compressed(tmp_path / 'a.npz', x=np.zeros(1 << 20), y=np.ones(2))
    with pytest.raises(ArrayFileError, match=r'a\.npz: not a readable npz file .* unpack to 83888\d\d'):
        read_npz(tmp_path / 'a.npz')
    assert read_npz(tmp_path / 'a.npz', ['y'])['y'].tolist() == [1, 1]


@pytest.mark.parametrize('save', [np.savez, np.savez_compressed])
def test_damage_anywhere_is_seen_and_named(tmp_path, save):
    content = {'x': np.random.default_rng(0).normal(size=200), 'y': np.arange(50)}
    save(tmp_path / 'a.npz', **content)
    data = (tmp_path / 'a.npz').read_bytes()
    rng = np.random.default_rng(0)
    for i in range(500):
        changed = bytearray(data)
        changed[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
        if i % 5 == 0:
            del changed[int(rng.integers(len(data))) :]
        (tmp_path / 'b.npz').write_bytes(changed)
        try:
            found = read_npz(tmp_path / 'b.npz', ['x', 'y'])
        except ArrayFileError as error:
            assert str(error) == f'{tmp_path / "b.npz"}: {error.fault}' and '\n' not in str(error)
        else:
            assert all(np.array_equal(found[name], content[name]) for name in content)


def test_what_is_not_there_is_named(tmp_path):
    np.savez(tmp_path / 'a.npz', x=np.ones(1))
    with pytest.raises(ArrayFileError, match=r"a\.npz: has no array 'y', found \['x'\]"):
        read_npz(tmp_path / 'a.npz', ['x', 'y'])
    for read in (read_npy, read_npz):
        with pytest.raises(FileNotFoundError, match='none'):
            read(tmp_path / 'none')
