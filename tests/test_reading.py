"""Files of any origin: what is no file is not opened, and what a library throws is one line with the file's name."""

import os
import socket
import zlib

import cv2
import pytest
from PIL import Image

from handkd.reading import MAX_TEXT, check_name, open_file, parse_json, read_json, read_text, reading, shown


@pytest.mark.parametrize(
    'error',
    [
        RecursionError('too deep'),
        zlib.error('Error -3'),
        EOFError(),
        KeyError('x'),
        AttributeError("'int' object has no attribute 'get'"),
        cv2.error('failed\n  here'),
        Image.DecompressionBombError('bomb'),
        OverflowError('too large'),
        MemoryError(),
        UnicodeDecodeError('utf-8', b'\xff', 0, 1, 'invalid'),
    ],
)
def test_whatever_a_library_throws_is_one_line_with_the_file(error):
    with pytest.raises(ValueError, match='a.json') as caught, reading('a.json'):
        raise error
    assert type(caught.value) is ValueError and len(str(caught.value).splitlines()) == 1


def test_what_names_the_file_already_stays_as_it_is():
    for error in (ValueError('a.json: wrong'), FileNotFoundError(2, 'No such file', 'a.json')):
        with pytest.raises(type(error)) as caught, reading('a.json'):
            raise error
        assert caught.value is error


def test_a_full_disk_is_named():
    with pytest.raises(OSError, match=r"No space left on device: 'out.json'"), reading('out.json'):
        raise OSError(28, 'No space left on device')


def test_pipes_devices_and_sockets_are_no_files(tmp_path):
    os.mkfifo(tmp_path / 'pipe')
    taken = socket.socket(socket.AF_UNIX)
    taken.bind(str(tmp_path / 'socket'))
    (tmp_path / 'loop').symlink_to(tmp_path / 'loop')
    for path, said in (
        (tmp_path / 'pipe', 'pipe. is a pipe, not a regular file'),
        ('/dev/zero', 'is a device'),
        (tmp_path / 'socket', 'is a socket'),
        (tmp_path / 'loop', 'symbolic links'),
        (tmp_path, 'Is a directory'),
    ):
        with pytest.raises(OSError, match=said):
            open_file(path)
    taken.close()
    for name in ('a\0b', '\ud800'):
        with pytest.raises(ValueError, match='can not be opened'):
            open_file(name)


def test_texts_beyond_all_measure_are_not_read(tmp_path):
    with open(tmp_path / 'a.txt', 'wb') as file:
        file.truncate(MAX_TEXT + 1)
    with pytest.raises(ValueError, match='a.txt. has .* bytes, expected at most'):
        read_text(tmp_path / 'a.txt')


@pytest.mark.parametrize('text', ['[' * 100_000, '{"a": NaN}', '[-Infinity]', '', '9' * 5000, '{"a"'])
def test_what_is_no_json_is_named(tmp_path, text):
    (tmp_path / 'a.json').write_text(text)
    with pytest.raises(ValueError, match='a.json: not valid JSON') as caught:
        read_json(tmp_path / 'a.json')
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize('length', range(37))
def test_a_json_file_that_is_cut_off_has_a_remedy(tmp_path, length):
    (tmp_path / 'a.json').write_text('[[-0.5, 1e-3, {"key": "text"}, true]]'[:length])
    with pytest.raises(ValueError, match='a.json: not valid JSON.*; the file seems to be cut off: copy or download it'):
        read_json(tmp_path / 'a.json')


@pytest.mark.parametrize('text', ['{"image": }', '[1, 2,]', 'hello', '[1 2]', '[nul]', '{"a": 1}}'])
def test_other_faults_of_a_json_file_are_not_called_cut_off(tmp_path, text):
    (tmp_path / 'a.json').write_text(text)
    with pytest.raises(ValueError, match='not valid JSON') as caught:
        read_json(tmp_path / 'a.json')
    assert 'cut off' not in str(caught.value)


def test_pythons_constants_are_numbers_where_that_is_asked_for():
    assert parse_json('[Infinity]', 'here', constants=True) == [float('inf')]


@pytest.mark.parametrize('name', ['../x', '/x', 'a/b', '..', '.', '', 'a\\b', 'a\0'])
def test_names_that_lead_elsewhere(name):
    with pytest.raises(ValueError, match='here must be a plain name'):
        check_name(name, 'here')
    check_name('171204_pose1..x', 'here')


def test_values_are_shown_short():
    deep = []
    for _ in range(5000):
        deep = [deep]
    assert len(shown(deep)) < 50 and len(shown('x' * 10_000)) < 300


@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig', 'utf-16', 'utf-32'])
def test_text_is_read_whatever_its_byte_order_mark_says(tmp_path, encoding):
    path = tmp_path / 'a.txt'
    path.write_bytes('höhe 1 2 3\r\n'.encode(encoding))
    assert read_text(path) == 'höhe 1 2 3\r\n'
    path.write_bytes('höhe'.encode('latin-1'))
    with pytest.raises(ValueError, match=r'a.txt: not a text file in UTF-8 \('):
        read_text(path)
