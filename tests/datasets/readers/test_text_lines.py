"""Lines of a file by their place in it."""

import pickle

import pytest

from handkd.datasets.readers.text_lines import MappedLines, numbered_lines


@pytest.mark.parametrize('end', ['', '\n', '\r\n'])
def test_each_line_is_found_again(tmp_path, end):
    path = tmp_path / 'lines.txt'
    path.write_bytes(f'first\n\n  \nsecönd\r\nthird{end}'.encode())
    found = list(numbered_lines(path))
    assert [(number, line.strip().decode()) for number, _, line in found] == [(1, 'first'), (4, 'secönd'), (5, 'third')]
    mapped = MappedLines(path)
    for lines in (mapped, pickle.loads(pickle.dumps(mapped))):
        assert [lines.at(offset).strip().decode() for _, offset, _ in found] == ['first', 'secönd', 'third']


def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path):
    path = tmp_path / 'lines.txt'
    path.write_bytes('first\nsecönd\n'.encode('utf-8-sig'))
    found = list(numbered_lines(path))
    assert [(number, line) for number, _, line in found] == [(1, b'first\n'), (2, 'secönd\n'.encode())]
    lines = MappedLines(path)
    assert [lines.at(offset).decode() for _, offset, _ in found] == ['first', 'secönd']
    for encoding in ('utf-16', 'utf-32'):
        path.write_bytes('first\n'.encode(encoding))
        with pytest.raises(ValueError, match=rf'lines.txt. is in {encoding}-le, expected UTF-8: save it as UTF-8'):
            list(numbered_lines(path))


def test_a_file_without_ends_of_lines_is_not_read_to_its_end(tmp_path):
    with open(tmp_path / 'a.txt', 'wb') as file:
        file.truncate(1 << 36)
    with pytest.raises(ValueError, match=r"a.txt':1: the line is longer than"):
        list(numbered_lines(tmp_path / 'a.txt'))
    with pytest.raises(OSError, match='is a device'):
        list(numbered_lines('/dev/zero'))
