"""Checks of a ``pack.json`` before files are opened, or memory is allocated, by its values."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from math import isfinite

from handkd.datasets.file_dataset import KEYS
from handkd.datasets.transforms import HandCrop
from handkd.datasets.transforms.batch import ROWS

from .forms import MOST_LABEL_BYTES, NPY_HEADER, ArrayForm, field_bytes, plane_forms

_MOST_NESTED = 32
_MOST_PIXELS = 16384
_LARGEST_INT = 1 << 63
_KINDS = ('array', 'text', 'number', 'tuple')
_LABEL_TYPE = re.compile(r'[<>|=]?(b1|[iu][1248]|f[248])')


def check_values(content: object) -> None:
    """Check that JSON is not nested deeper than in any pack, and that its numbers are finite.

    Raises:
        ValueError: If not; names the value found.
    """
    for node, depth in _walk(content):
        if depth > _MOST_NESTED:
            raise ValueError(f'nested deeper than {_MOST_NESTED} levels')
        if isinstance(node, float) and not isfinite(node):
            raise ValueError(f'expected finite numbers, found {node}')
        if isinstance(node, int) and abs(node) >= _LARGEST_INT:
            raise ValueError('expected integers of at most 63 bits, found a larger one')


def _walk(content: object) -> Iterator[tuple[object, int]]:
    """Yield all values of JSON with their depths, without recursion."""
    waiting = [(content, 0)]
    while waiting:
        node, depth = waiting.pop()
        yield node, depth
        if depth <= _MOST_NESTED and isinstance(node, (dict, list)):
            waiting += [(value, depth + 1) for value in (node.values() if isinstance(node, dict) else node)]


def check_content(content: Mapping) -> None:
    """Check types and ranges of all values of a ``pack.json``, and that its files' sizes match its numbers.

    Args:
        content: The fields of :class:`~.manifest.Manifest`, as in JSON.

    Raises:
        ValueError: If a value is impossible; names the key, the found and the expected value.
    """
    _check_settings(content)
    _check_labels(content['labels'])
    _check_shards(content)


def _check_settings(content: Mapping) -> None:
    """Check everything except the labels and the shards."""
    source, modalities = content['source'], content['modalities']
    _require(content['format'] in ('memmap', 'webdataset'), 'format', content['format'], "'memmap' or 'webdataset'")
    _require(isinstance(source, dict), 'source', source, 'a dict')
    _require(isinstance(source.get('config'), dict), 'source.config', source.get('config'), 'a dict')
    _require(_is_int(source.get('length'), 1), 'source.length', source.get('length'), 'a number of samples')
    _require(isinstance(source.get('labels'), (str, type(None))), 'source.labels', source.get('labels'), 'a digest')
    _require(isinstance(content['metainfo'], dict), 'metainfo', content['metainfo'], 'a dict')
    _check_metainfo(content['metainfo'])
    known = isinstance(modalities, list) and modalities and all(name in list(KEYS) for name in modalities)
    _require(known and len(set(modalities)) == len(modalities), 'modalities', modalities, f'some of {list(KEYS)}')
    _require(_is_int(content['size'], 1, _MOST_PIXELS), 'size', content['size'], f'1 to {_MOST_PIXELS} px')
    _require(_is_int(content['shard'], 1), 'shard', content['shard'], 'a number of samples')
    _require(_is_int(content['border'], 0, 255), 'border', content['border'], '0 to 255')
    _require(_is_number(content['margin'], 1, 1e6), 'margin', content['margin'], 'a number of at least 1')
    _require(_is_number(content['depth_unit'], 1e-9, 1e9), 'depth_unit', content['depth_unit'], 'millimetres')
    _require(content['on_corrupt'] in ('stop', 'skip'), 'on_corrupt', content['on_corrupt'], "'stop' or 'skip'")
    for key in ('factor', 'cube'):
        _require(content[key] is None or _is_number(content[key], 0, 1e9), key, content[key], 'a number or null')
    _require(isinstance(content['root'], (str, int, type(None))), 'root', content['root'], 'a joint or null')
    _require(isinstance(content['rule'], str), 'rule', content['rule'], f'one of {HandCrop.RULES}')
    HandCrop(**{key: content[key] for key in ('rule', 'factor', 'cube', 'root')})  # checks their combination


def _check_metainfo(meta: Mapping) -> None:
    """Check the meta information that metrics and tools read; other entries may have any value."""
    for key in ('dataset_name', 'joint0'):
        _require(isinstance(meta.get(key, ''), str), f'metainfo.{key}', meta.get(key), 'a name')
    for key in ('joint_names', 'native_joint_names'):
        names = meta.get(key, [])
        right = isinstance(names, list) and all(isinstance(name, str) for name in names)
        _require(right, f'metainfo.{key}', names, 'a list of names')
    joints, most = meta.get('native_evaluation', []), len(meta.get('native_joint_names', [])) - 1
    right = isinstance(joints, list) and all(_is_int(joint, 0, most) for joint in joints)
    _require(right, 'metainfo.native_evaluation', joints, 'indices of native_joint_names')


def _check_labels(fields: object) -> None:
    """Check the fields of the :class:`~.labels.LabelSchema`."""
    _require(isinstance(fields, list) and fields, 'labels', fields, 'a list of fields')
    for field in fields:
        _require(isinstance(field, list) and len(field) == 4, 'labels', field, '[key, kind, type, shape]')
        key, kind, dtype, shape = field
        _require(isinstance(key, str) and 0 < len(key) <= 256, 'labels', key, 'a key')
        _require(isinstance(kind, str) and kind in _KINDS, f'labels: {key}', kind, f'one of {list(_KINDS)}')
        right = isinstance(dtype, str) and (dtype == 'S' if kind == 'text' else _LABEL_TYPE.fullmatch(dtype))
        _require(right, f'labels: {key}', dtype, "'S' for a text, else the name of a numeric type")
        right = isinstance(shape, list) and len(shape) <= 8 and all(_is_int(side, 0, 1 << 20) for side in shape)
        _require(right, f'labels: {key}', shape, 'a shape')
        wanted = {'text': ((), 'no shape'), 'number': ((), 'no shape')}.get(kind)
        _require(wanted is None or not shape, f'labels: {key}', shape, 'no shape for a text or number')
        _require(kind != 'tuple' or shape, f'labels: {key}', shape, 'the length of the tuple')
        _require(key not in ROWS or shape[:1] == [1], f'labels: {key}', shape, 'a first side of 1')
    doubled = [key for key, count in Counter(field[0] for field in fields).items() if count > 1]
    _require(not doubled, 'labels', doubled, 'each key once')
    _require(field_bytes(fields) <= MOST_LABEL_BYTES, 'labels', fields, f'at most {MOST_LABEL_BYTES} bytes per sample')


def _check_shards(content: Mapping) -> None:
    """Check the shards and the skipped samples: numbers, names and sizes of files."""
    length, per_shard = content['source']['length'], content['shard']
    for number, why in content['skipped'].items():
        _require(0 <= number < length and isinstance(why, str), f'skipped: {number}', why, 'a sample, and a text')
    skipped = Counter(number // per_shard for number in content['skipped'])
    forms = plane_forms(content['modalities'], content['size'])
    for number, shard in content['shards'].items():
        where = f'shards: {number}'
        _require(0 <= number < -(-length // per_shard), where, number, f'a shard of {length} samples')
        _require(isinstance(shard, dict) and shard.keys() == {'files', 'num'}, where, shard, "'files' and 'num'")
        rows = min(per_shard, length - number * per_shard)
        wanted = rows - skipped[number]
        _require(_is_int(shard['num'], wanted, wanted), where, shard['num'], f'num={wanted}')
        _require(isinstance(shard['files'], dict), where, shard['files'], 'a dict of files')
        for name, entry in shard['files'].items():
            right = isinstance(entry, list) and len(entry) == 2 and all(map(_is_int, entry))
            _require(right, f'{where}: {name}', entry, '[bytes, checksum]')
        sizes = {name: size for name, (size, _) in shard['files'].items()}
        if content['format'] == 'memmap':
            _check_arrays(f'shard-{number:05d}', sizes, rows if wanted else 0, rows, forms, content['labels'])
        else:
            least = wanted * (sum(form.bytes for form in forms.values()) + field_bytes(content['labels']))
            _check_size(f'shard-{number:05d}.tar', sizes, least, None)


def _check_arrays(
    folder: str, sizes: dict[str, int], images: int, rows: int, forms: Mapping[str, ArrayForm], fields: list
) -> None:
    """Check the sizes of a shard's arrays; it has no images if all its samples were skipped."""
    labels = f'{folder}/labels.npy'
    expected = {f'{folder}/{name}.npy': images * form.bytes for name, form in forms.items() if images}
    for name, size in expected.items():
        _check_size(name, {name: sizes[name]} if name in sizes else {}, size, size + NPY_HEADER)
    rest = {name: size for name, size in sizes.items() if name not in expected}
    most = rows * MOST_LABEL_BYTES + NPY_HEADER
    _check_size(labels, rest, rows * field_bytes(fields) if images else 0, most)


def _check_size(name: str, sizes: Mapping[str, int], least: int, most: int | None) -> None:
    """Check that there is exactly this file, with a size in a range."""
    _require(list(sizes) == [name], 'shards', sorted(sizes), f'the file {name!r}')
    right = least <= sizes[name] and (most is None or sizes[name] <= most)
    _require(right, f'shards: {name}', sizes[name], f'at least {least} bytes' + (f', at most {most}' if most else ''))


def _require(right: object, key: str, found: object, expected: str) -> None:
    if not right:
        text = repr(found)
        raise ValueError(f'{key}: expected {expected}, found {text if len(text) <= 80 else text[:77] + "..."}')


def _is_int(value: object, least: int = 0, most: int = _LARGEST_INT) -> bool:
    return type(value) is int and least <= value <= most


def _is_number(value: object, least: float, most: float) -> bool:
    return type(value) in (int, float) and least <= value <= most
