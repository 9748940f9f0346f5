"""MATLAB files that are right, damaged, too new, or of something else."""

import os
import tracemalloc
import zlib

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from handkd.datasets.readers.matlab_files import load_mat


def test_only_the_named_variables_are_read(tmp_path):
    savemat(tmp_path / 'a.mat', {'one': np.arange(6.0).reshape(2, 3), 'two': np.zeros(3)})
    data = load_mat(tmp_path / 'a.mat', ['one'])
    assert list(data) == ['one'] and data['one'].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_faults_are_named(tmp_path):
    path = tmp_path / 'a.mat'
    with pytest.raises(FileNotFoundError):
        load_mat(path, ['one'])
    savemat(path, {'one': np.random.default_rng(0).normal(size=(20, 20))}, do_compression=True)
    with pytest.raises(ValueError, match="a.mat' lacks the variable 'two'"):
        load_mat(path, ['one', 'two'])
    data = bytearray(path.read_bytes())
    path.write_bytes(data[:-200])
    with pytest.raises(ValueError, match="a.mat' was not read.*download it again"):
        load_mat(path, ['one'])
    data[124:126] = b'\x00\x02'  # the version in the header
    path.write_bytes(data)
    with pytest.raises(ValueError, match="a.mat' is a MATLAB file of version 7.3"):
        load_mat(path, ['one'])


CONTENT = {
    'cube': np.random.default_rng(0).normal(size=(3, 4, 5)),
    'small': np.arange(6, dtype=np.int16).reshape(2, 3),
    'single': np.float32([[1.5, np.nan]]),
    'large': np.array([[2**63]], np.uint64),
    'cells': np.array([['ab', 'c'], ['d\u00e9', '\u20ac']], object),
    'text': np.array(['ab', 'cd']),
    'nothing': np.zeros((0, 3)),
}


def same(found, expected):
    if expected.dtype == object:
        assert found.shape == expected.shape
        return all(same(*pair) for pair in zip(found.ravel(), expected.ravel()))
    return found.shape == expected.shape and np.array_equal(found, expected, equal_nan=expected.dtype.kind == 'f')


@pytest.mark.parametrize('compressed', [False, True])
def test_numbers_text_and_cells_are_what_scipy_reads(tmp_path, compressed):
    savemat(tmp_path / 'a.mat', CONTENT, do_compression=compressed)
    expected, found = loadmat(tmp_path / 'a.mat'), load_mat(tmp_path / 'a.mat', list(CONTENT))
    assert all(same(found[key], expected[key]) for key in CONTENT)
    assert all(found[key].dtype == expected[key].dtype for key in CONTENT if key != 'text')


def test_numbers_that_matlab_stores_in_fewer_bytes(tmp_path):
    """MATLAB writes doubles that are small integers as such."""
    savemat(tmp_path / 'a.mat', {'x': np.arange(8, dtype=np.uint8).reshape(2, 4)})
    data = bytearray((tmp_path / 'a.mat').read_bytes())
    data[144] = 6  # the class: double
    (tmp_path / 'a.mat').write_bytes(data)
    found = load_mat(tmp_path / 'a.mat', ['x'])['x']
    assert found.dtype == np.float64 and found.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]


@pytest.mark.parametrize('compressed', [False, True])
def test_damaged_files_are_read_or_refused_and_crash_nothing(tmp_path, compressed):
    savemat(tmp_path / 'a.mat', CONTENT, do_compression=compressed)
    data, path = (tmp_path / 'a.mat').read_bytes(), tmp_path / 'b.mat'
    rng = np.random.default_rng(0)
    refused = 0
    for i in range(600):
        changed = bytearray(data)
        for place in rng.integers(124, len(data), size=1 + i % 3).tolist():
            changed[place] = int(rng.integers(256))
        if i % 5 == 0:
            del changed[int(rng.integers(len(data))) :]
        path.write_bytes(changed)
        try:
            load_mat(path, list(CONTENT))
        except ValueError as error:
            assert str(error).startswith(f'{str(path)!r} ') and '\n' not in str(error)
            refused += 1
    assert refused > 100


def test_what_says_more_than_it_has_is_refused_before_it_takes_memory(tmp_path):
    path = tmp_path / 'a.mat'
    savemat(path, {'x': np.zeros((100, 100))})
    data = path.read_bytes()
    giant = data[:160] + np.array([1 << 30, 1 << 30], '<i4').tobytes() + data[168:]
    element = bytearray(giant[128:])
    element[4:8] = (0xF0000000).to_bytes(4, 'little')
    bomb = zlib.compress(bytes(element) + bytes(10_000_000), 9)
    for content, said in (
        (giant, r'shape \(1073741824, 1073741824\), but has 80000 bytes'),
        (giant[:128] + np.array([15, len(bomb)], '<u4').tobytes() + bomb, 'claims 4026531840'),
    ):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=rf'a\.mat.* was not read: .*{said}'):
            load_mat(path, ['x'])


def test_what_is_not_read_is_named(tmp_path):
    path = tmp_path / 'a.mat'
    for value in ({'field': 1.0}, np.ones(2, complex)):
        savemat(path, {'x': value})
        with pytest.raises(
            ValueError, match=r"a\.mat' was not read: 'x' is of class \d, expected real numbers, text or cells"
        ):
            load_mat(path, ['x'])
    savemat(path, {'x': np.ones(2)}, format='4')
    with pytest.raises(ValueError, match=r"a\.mat' was not read: not a MATLAB file of version 5 to 7"):
        load_mat(path, ['x'])


def test_text_and_cells_are_not_more_than_label_files_have(tmp_path):
    path = tmp_path / 'a.mat'
    nested = np.empty((1, 1), object)
    nested[0, 0] = np.array([['a']], object)
    for value, said in (
        (np.array(['a' * (5 << 20)]), r'is text of \d+ bytes'),
        (np.full((1, 20_000), 'a', object), r'cells of shape \(1, 20000\)'),
        (nested, 'has nested cells'),
    ):
        savemat(path, {'x': value}, do_compression=True)
        with pytest.raises(ValueError, match=rf"a\.mat' was not read: 'x' (has )?{said}"):
            load_mat(path, ['x'])


def test_a_cell_of_many_small_pieces_is_not_taken_apart(tmp_path):
    """2 MB of empty elements, which would be 64 MB in a file of some kB if they were compressed."""
    path = tmp_path / 'a.mat'
    savemat(path, {'x': np.array([['a']], object)})
    data = path.read_bytes()
    pieces = bytes(data[184:]) + np.array([14, 0], '<u4').tobytes() * 250_000
    size = int.from_bytes(data[132:136], 'little') + len(pieces) - len(data[184:])
    path.write_bytes(data[:132] + size.to_bytes(4, 'little') + data[136:184] + pieces)
    tracemalloc.start()
    with pytest.raises(
        ValueError, match=r"a\.mat' was not read: 'x' is of shape \(1, 1\), but has another number or type of cells"
    ):
        load_mat(path, ['x'])
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / 'a.mat')
    with pytest.raises(OSError, match=r"a\.mat' is a pipe"):
        load_mat(tmp_path / 'a.mat', ['x'])
