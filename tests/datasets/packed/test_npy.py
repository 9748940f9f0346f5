"""Arrays in files: mapped without staying open, and headers of any origin."""

import os

import numpy as np
import pytest

from handkd.datasets.packed.npy import array_in, map_array, read_packed_header


def test_a_mapped_array_is_the_saved_one_and_holds_no_descriptor(tmp_path):
    array = np.arange(60, dtype=np.uint16).reshape(5, 4, 3)
    np.save(tmp_path / 'a.npy', array)
    before = len(os.listdir('/proc/self/fd')) if os.path.isdir('/proc/self/fd') else 0
    mapped = [map_array(tmp_path / 'a.npy') for _ in range(50)]
    after = len(os.listdir('/proc/self/fd')) if os.path.isdir('/proc/self/fd') else 0
    assert after == before
    np.testing.assert_array_equal(mapped[0], array)
    assert type(mapped[0]) is np.ndarray and mapped[0].dtype == array.dtype
    with pytest.raises(ValueError, match='read-only'):
        mapped[0][0] = 1


def test_a_view_keeps_the_file_mapped(tmp_path):
    np.save(tmp_path / 'a.npy', np.arange(100_000))
    view = map_array(tmp_path / 'a.npy')[5:7]
    (tmp_path / 'a.npy').unlink()
    assert view.tolist() == [5, 6]


def test_structured_and_empty_arrays(tmp_path):
    table = np.zeros(3, [('a', 'S5'), ('b', '<f4', (2, 2))])
    table['a'] = b'xyz'
    for array in (table, np.zeros((0, 3), np.float32)):
        np.save(tmp_path / 'a.npy', array)
        found = map_array(tmp_path / 'a.npy')
        assert found.dtype == array.dtype and found.shape == array.shape
        np.testing.assert_array_equal(found, array)


def header(text):
    text = text.encode() + b'\n'
    return b'\x93NUMPY\x01\x00' + len(text).to_bytes(2, 'little') + text


@pytest.mark.parametrize(
    'data',
    [
        b'',
        b'\x93NUMPY',
        b'\x93NUMPY\x09\x00',
        header(''),
        header("{'descr': '<f4', 'fortran_order': False}"),
        header("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}"),
        header("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 0)}"),
        header("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2)}"),
        header("{'descr': '|O', 'fortran_order': False, 'shape': (2,)}"),
        header("{'descr': [('a', '|O')], 'fortran_order': False, 'shape': (2,)}"),
        header("{'descr': 'banana', 'fortran_order': False, 'shape': (2,)}"),
        header("{'descr': 7, 'fortran_order': False, 'shape': (2,)}"),
        header('(' * 5000),
        header('{' + '[' * 3000 + ']' * 3000 + ': 1}'),
        header("__import__('os').mkdir('run')"),
        header('1' * 9000),
    ],
)
def test_headers_of_another_kind_are_refused(tmp_path, data, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'a.npy').write_bytes(data)
    with pytest.raises(
        ValueError, match=r'a\.npy: (not a header of a \.npy file|an array of|expected .* found 0 bytes)'
    ) as caught:
        map_array(tmp_path / 'a.npy')
    assert '\n' not in str(caught.value)
    with pytest.raises(ValueError, match='not a header|an array|found 0 bytes'):
        array_in(data)
    assert not (tmp_path / 'run').exists()


@pytest.mark.parametrize('shape', ['(10**5,)', '(100000,)', '(4294967296, 4294967296)', '(1,)'])
def test_a_size_that_the_file_has_not_makes_no_room(tmp_path, shape):
    (tmp_path / 'a.npy').write_bytes(
        header(f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}") + b'x' * 99
    )
    for read in (lambda: map_array(tmp_path / 'a.npy'), lambda: array_in((tmp_path / 'a.npy').read_bytes())):
        with pytest.raises(ValueError, match='after the header, found 99 bytes|not a header'):
            read()


def test_a_header_is_read_up_to_the_numbers(tmp_path):
    np.save(tmp_path / 'a.npy', np.arange(3, dtype=np.uint8))
    with open(tmp_path / 'a.npy', 'rb') as file:
        assert read_packed_header(file) == (np.uint8, (3,)) and file.read() == b'\x00\x01\x02'
