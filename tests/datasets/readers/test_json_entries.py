"""Entries of large JSON files come one by one; what is no such JSON is named in one line."""

import json

import pytest

from handkd.datasets.readers.json_entries import place, read_entries

CONTENT = {
    'info': {'year': 2020},
    'empty': [],
    'images': [{'id': 1, 'box': [1.5, -2e3, None], 'deep': {'a': [[True]], 'b': {}}}, 5, [[1], [2]]],
    'by_name': {'x': {'y': 'text'}, 'z': []},
    'number': 3,
}


def written(tmp_path, data):
    path = tmp_path / 'labels.json'
    path.write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())
    return path


def test_entries_have_their_keys_and_pythons_values(tmp_path):
    found = list(read_entries(written(tmp_path, CONTENT), 2))
    expected = [(('info', 'year'), 2020)]
    expected += [(('images', k), value) for k, value in enumerate(CONTENT['images'])]
    expected += [(('by_name', key), value) for key, value in CONTENT['by_name'].items()]
    assert found == expected


def test_the_depth_is_chosen(tmp_path):
    path = written(tmp_path, CONTENT)
    assert dict(read_entries(path, 1)) == {(key,): value for key, value in CONTENT.items()}
    deep = dict(read_entries(path, 3))
    assert deep[('images', 0, 'box')] == [1.5, -2e3, None] and deep[('by_name', 'x', 'y')] == 'text'
    assert list(read_entries(written(tmp_path, 7), 1)) == []


def test_a_byte_order_mark_is_skipped_and_escapes_are_read(tmp_path):
    path = written(tmp_path, b'\xef\xbb\xbf{"a": ["\\u00e9", "\xc3\xa9"]}')
    assert list(read_entries(path, 2)) == [(('a', 0), 'é'), (('a', 1), 'é')]


@pytest.mark.parametrize(
    ('data', 'said'),
    [
        (b'', r"labels\.json': not valid JSON.*premature EOF; the file seems to be cut off"),
        (b'{"images": [{"id": 1}, {"id": 2', r"labels\.json', images\[1\]: not valid JSON.*premature EOF; .* cut off"),
        (b'{"images": [{"id": 1}, {"id": NaN}]}', r'images\[1\]: not valid JSON.*invalid char'),
        (b'{"images": [1, 1e999]}', r'images\[0\]: not valid JSON.*overflow'),
        (b'{"images": [1, 123456789012345678901]}', r'images\[0\]: not valid JSON.*overflow'),
        (b'{"images": [1]} {"b": 2}', 'trailing garbage'),
        (b'{"a": ["\xff"]}', 'invalid bytes in UTF8'),
        ('{"a": 1}'.encode('utf-16'), 'not valid JSON, or not in UTF-8'),
        (b'{"a": {"b": ' + b'[' * 100_000, r"labels\.json', a\.b has more than 32 levels"),
        (b'{"a": [[' + b'1,' * 100_001 + b'1]]}', r'a\[0\] has more than .* 100000 values'),
    ],
)
def test_what_is_no_such_json_is_one_line_with_file_and_entry(tmp_path, data, said):
    with pytest.raises(ValueError, match=said) as caught:
        list(read_entries(written(tmp_path, data), 2))
    assert '\n' not in str(caught.value)


def test_nesting_above_the_entries_takes_no_memory_and_a_folder_is_refused(tmp_path):
    assert list(read_entries(written(tmp_path, b'[[[[1]]]]'), 9)) == []
    with pytest.raises(OSError, match=str(tmp_path)):
        list(read_entries(tmp_path, 2))


def test_places_read_like_python():
    assert place('a.json', ('images', 3, 'box')) == "'a.json', images[3].box"
    assert place('a.json', []) == place('a.json', [-1]) == "'a.json'"
