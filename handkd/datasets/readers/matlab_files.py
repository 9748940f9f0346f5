"""Reading MATLAB label files: arrays of numbers, text and cells of them, with all sizes checked against the file.

SciPy's reader trusts the types and sizes in a file, so that one damaged byte can crash the process.
"""

from __future__ import annotations

import math
import os
import zlib
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np

from handkd.reading import open_file

_HEADER = 128
_MATRIX, _COMPRESSED = 14, 15
_NUMBERS = {1: 'i1', 2: 'u1', 3: 'i2', 4: 'u2', 5: 'i4', 6: 'u4', 7: 'f4', 9: 'f8', 12: 'i8', 13: 'u8'}
_LETTERS = {1: 'latin1', 2: 'latin1', 4: 'utf-16', 16: 'utf-8', 17: 'utf-16'}
_CLASSES = {6: 'f8', 7: 'f4', 8: 'i1', 9: 'u1', 10: 'i2', 11: 'u2', 12: 'i4', 13: 'u4', 14: 'i8', 15: 'u8'}
_CELL, _CHAR = 1, 4
_IS_COMPLEX = 0x0800
_MAX_INFLATED = 1 << 26  # bytes, or this multiple of the bytes in the file:
_MAX_RATIO = 100
_MAX_LETTERS = 1 << 20  # of a text; label files have a few hundred
_MAX_CELLS = 1 << 14  # of a variable, without nesting; each takes far more memory and time than its bytes
_NAMED_WITHIN = 4096  # first bytes of a variable, which contain its size and name


class _DamagedError(ValueError):
    """The bytes are not a MATLAB file."""


class _Element(NamedTuple):
    """An element of a file: its type and its bytes."""

    kind: int
    data: memoryview


class _Matrix(NamedTuple):
    """Header of a variable, and the bytes after it."""

    number_class: int
    is_complex: bool
    shape: tuple[int, ...]
    name: str
    rest: memoryview


def load_mat(path: str | os.PathLike, keys: Sequence[str]) -> dict[str, np.ndarray]:
    """Read variables of a MATLAB file of version 5 to 7.

    Args:
        path: The file.
        keys: Names of the variables, all of which must exist.

    Returns:
        Name -> array: real numbers with MATLAB's shape; rows of text, with one dimension less than in MATLAB; or a
        cell's arrays as objects.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If it is damaged, of another version, or lacks a variable; names the file.
    """
    name = os.fspath(path)
    with open_file(path) as file:
        data = file.read()
    try:
        found = _read(data, keys)
    except NotImplementedError:
        raise ValueError(
            f'{name!r} is a MATLAB file of version 7.3, expected version 5 to 7 as released with the data sets: use '
            "the original file, or save it again in MATLAB with save(..., '-v7')"
        ) from None
    except (_DamagedError, zlib.error, UnicodeDecodeError) as error:
        raise ValueError(f'{name!r} was not read: {error}; copy or download it again') from error
    missing = [key for key in keys if key not in found]
    if missing:
        raise ValueError(f"{name!r} lacks the variable {missing[0]!r}: use the data set's original file")
    return {key: found[key] for key in keys}


def _read(data: bytes, keys: Sequence[str]) -> dict[str, np.ndarray]:
    """Return those of the variables that the file has."""
    order = {b'IM': '<', b'MI': '>'}.get(data[126:_HEADER])
    if order is None:
        raise _DamagedError('not a MATLAB file of version 5 to 7')
    if int(np.frombuffer(data, f'{order}u2', 1, 124)[0]) == 0x0200:
        raise NotImplementedError
    found = {}
    for element in _elements(memoryview(data)[_HEADER:], order):
        if element.kind == _COMPRESSED:
            element = _inflate(element.data, order, keys)
        if element is None or element.kind != _MATRIX:
            continue
        matrix = _parse(element.data, order)
        if matrix.name in keys:
            found.setdefault(matrix.name, _array(matrix, order))
    return found


def _elements(data: memoryview, order: str) -> Iterator[_Element]:
    """Yield consecutive elements."""
    while len(data):
        element, data = _next(data, order)
        yield element


def _next(data: memoryview, order: str) -> tuple[_Element, memoryview]:
    """Return the first element, and the bytes after it."""
    if len(data) < 8:
        raise _DamagedError('it is truncated')
    kind, size = map(int, np.frombuffer(data, f'{order}u4', 2))
    if kind >> 16:  # a small element: its size is in the upper half, its bytes are inside its tag
        kind, size, start, end = kind & 0xFFFF, kind >> 16, 4, 8
        if size > 4:
            raise _DamagedError(f'a small element has {size} bytes, expected at most 4')
    else:
        start, end = 8, 8 + size + (0 if kind == _COMPRESSED else -size % 8)
    if start + size > len(data):
        raise _DamagedError(f'an element of {size} bytes has only {len(data) - start} bytes')
    return _Element(kind, data[start : start + size]), data[end:]


def _inflate(data: memoryview, order: str, keys: Sequence[str]) -> _Element | None:
    """Return a compressed element, or None if it is a variable that is not requested."""
    inflater = zlib.decompressobj()
    begins = inflater.decompress(data, _NAMED_WITHIN)
    if len(begins) < 8:
        raise _DamagedError('a compressed variable is empty')
    kind, size = map(int, np.frombuffer(begins, f'{order}u4', 2))
    if kind != _MATRIX or _parse(memoryview(begins)[8:], order).name not in keys:
        return None
    if size > max(_MAX_INFLATED, _MAX_RATIO * len(data)):
        raise _DamagedError(f'a compressed variable of {len(data)} bytes claims {size} bytes')
    missing = max(0, 8 + size - len(begins))
    whole = begins + (inflater.decompress(inflater.unconsumed_tail, missing) if missing else b'')
    more = inflater.decompress(inflater.unconsumed_tail, 1)  # zlib compares the checksum at the end
    if len(whole) != 8 + size or more or not inflater.eof:
        raise _DamagedError(f'a compressed variable of {size} bytes has another length')
    return _Element(_MATRIX, memoryview(whole)[8:])


def _parse(data: memoryview, order: str) -> _Matrix:
    """Return the header of a variable."""
    flags, data = _next(data, order)
    dims, data = _next(data, order)
    name, data = _next(data, order)
    if flags.kind != 6 or len(flags.data) != 8 or dims.kind != 5 or name.kind != 1:
        raise _DamagedError('a variable has no type, shape or name')
    if len(dims.data) % 4 or not 2 <= len(dims.data) // 4 <= 32:
        raise _DamagedError('a variable has no shape')
    shape = tuple(map(int, np.frombuffer(dims.data, f'{order}i4')))
    if min(shape) < 0:
        raise _DamagedError(f'a variable is of shape {shape}')
    word = int(np.frombuffer(flags.data, f'{order}u4')[0])
    return _Matrix(word & 0xFF, bool(word & _IS_COMPLEX), shape, bytes(name.data).decode('latin1'), data)


def _array(matrix: _Matrix, order: str) -> np.ndarray:
    """Return a variable's content."""
    if matrix.number_class == _CELL:
        return _cells(matrix, order)
    if matrix.is_complex or matrix.number_class not in (*_CLASSES, _CHAR):
        raise _DamagedError(f'{matrix.name!a} is of class {matrix.number_class}, expected real numbers, text or cells')
    count, (content, _) = math.prod(matrix.shape), _next(matrix.rest, order)
    if matrix.number_class == _CHAR:
        return _rows(matrix, content, order)
    code = _NUMBERS.get(content.kind)
    if code is None or count * int(code[1]) != len(content.data):
        raise _DamagedError(f'{matrix.name!a} is of shape {matrix.shape}, but has {len(content.data)} bytes')
    numbers = np.frombuffer(content.data, order + code).reshape(matrix.shape, order='F')
    with np.errstate(invalid='ignore'):  # damaged numbers may not fit their class; the reader of labels checks them
        return numbers.astype(_CLASSES[matrix.number_class])


def _rows(matrix: _Matrix, content: _Element, order: str) -> np.ndarray:
    """Return rows of text."""
    encoding = _LETTERS.get(content.kind)
    if encoding is None:
        raise _DamagedError(f'{matrix.name!a} is text of type {content.kind}, expected one of {sorted(_LETTERS)}')
    if encoding == 'utf-16':
        encoding = 'utf-16-le' if order == '<' else 'utf-16-be'
    if len(content.data) > 4 * _MAX_LETTERS:
        raise _DamagedError(
            f'{matrix.name!a} is text of {len(content.data)} bytes, expected at most {4 * _MAX_LETTERS}'
        )
    letters = bytes(content.data).decode(encoding)
    if len(letters) != math.prod(matrix.shape):
        raise _DamagedError(f'{matrix.name!a} is of shape {matrix.shape}, but has {len(letters)} letters')
    if not letters:
        return np.zeros(0, '<U1')
    table = np.array(list(letters)).reshape(matrix.shape, order='F')
    rows = np.ascontiguousarray(table.reshape(-1, matrix.shape[-1]))
    return np.array([''.join(row) for row in rows.tolist()]).reshape(matrix.shape[:-1])


def _cells(matrix: _Matrix, order: str) -> np.ndarray:
    """Return the arrays of a cell."""
    count = math.prod(matrix.shape)
    if count > _MAX_CELLS:
        raise _DamagedError(f'{matrix.name!a} has cells of shape {matrix.shape}, expected at most {_MAX_CELLS} cells')
    cells = list(islice(_elements(matrix.rest, order), count + 1))
    if len(cells) != count or any(cell.kind != _MATRIX for cell in cells):
        raise _DamagedError(f'{matrix.name!a} is of shape {matrix.shape}, but has another number or type of cells')
    arrays = np.empty(count, object)
    for i, cell in enumerate(cells):
        inner = _parse(cell.data, order)
        if inner.number_class == _CELL:
            raise _DamagedError(f'{matrix.name!a} has nested cells, which are not read')
        arrays[i] = _array(inner, order)
    return arrays.reshape(matrix.shape, order='F')
