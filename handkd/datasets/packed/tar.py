"""Tar files: written by the webdataset package, which is needed only for that, and read from beginning to end."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType

import numpy as np

from .forms import MOST_LABEL_BYTES, NPY_HEADER, ArrayForm, check_array, check_names
from .npy import array_in
from .stores import Readable

_MEMBER = re.compile(r'(\d{1,19})\.([a-z]+)\.npy')
_BLOCK = 512
_USTAR = re.compile(
    rb'(?P<name>[^\0]{1,99})\0+.{24}(?P<size>[0-7]{11})[ \0].{12}(?P<checksum>[0-7]{6})[ \0]{2}[0\0]\0{100}ustar.*',
    re.DOTALL,
)
"""A header: name (100 bytes), mode, owner, group (8 each), size, time (12 each), checksum (8), kind, link (100)."""


def import_webdataset() -> ModuleType:
    """Return the package webdataset.

    Raises:
        ImportError: If it is not installed; says how to install it.
    """
    try:
        import webdataset
    except ImportError as error:
        raise ImportError("packing for streams needs the package 'webdataset': pip install webdataset") from error
    return webdataset


def open_writer(path: Path) -> object:
    """Return a ``webdataset.TarWriter``; equal samples give equal files."""
    return import_webdataset().TarWriter(str(path), encoder=False, mtime=0)


def read_tar(stream: Readable, forms: Mapping[str, ArrayForm]) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    """Read a shard from its beginning to its end.

    Args:
        stream: The file.
        forms: Images that each sample must have, in addition to its labels.

    Yields:
        The number of a sample, and its arrays by name.

    Raises:
        OSError: If the file can't be read.
        ValueError: If it is not a tar file of such samples; gives the reason.
    """
    number, arrays = -1, {}
    for found, name, data in _members(stream, forms):
        if found != number and arrays:
            yield number, _checked(number, arrays, forms)
            arrays = {}
        if name in arrays:
            raise ValueError(f'sample {found} has {name!r} twice')
        number = found
        try:
            arrays[name] = array_in(data)
        except ValueError as error:
            raise ValueError(f'sample {found}, {name}: {error}') from error
    if arrays:
        yield number, _checked(number, arrays, forms)


def _members(stream: Readable, forms: Mapping[str, ArrayForm]) -> Iterator[tuple[int, str, memoryview]]:
    """Yield sample, array and content of each file in a tar file, none of which exceeds its maximum size."""
    most = {name: form.bytes + NPY_HEADER for name, form in forms.items()} | {'labels': MOST_LABEL_BYTES + NPY_HEADER}
    while header := _header(stream):
        name, size = header
        match = _MEMBER.fullmatch(name)
        if match is None or match[2] not in most:
            raise ValueError(f'holds {name!r}, expected files like 000000000.labels.npy')
        if size > most[match[2]]:
            raise ValueError(f'{name}: has {size} bytes, expected at most {most[match[2]]}')
        yield int(match[1]), match[2], _exactly(stream, size + -size % _BLOCK)[:size]


def _header(stream: Readable) -> tuple[str, int] | None:
    """Return the name and size of the next file, or None after the last one.

    The format is POSIX's ustar as ``open_writer`` writes it: plain files, none of them compressed or sparse, which
    could be larger than the bytes read.
    """
    block = bytes(_exactly(stream, _BLOCK))
    if not any(block):
        return None
    fields = _USTAR.fullmatch(block)
    if fields is None or int(fields['checksum'], 8) != sum(block) - sum(block[148:156]) + 8 * ord(' '):
        raise ValueError('not a tar file of plain files')
    return fields['name'].decode('latin1'), int(fields['size'], 8)


def _exactly(stream: Readable, count: int) -> memoryview:
    """Return the next bytes of a stream.

    Raises:
        ValueError: If there are fewer.
    """
    parts = [stream.read(count)]
    left = count - len(parts[0])
    while left:
        parts.append(stream.read(left))
        left -= len(parts[-1])
        if not parts[-1]:
            raise ValueError(f'not a tar file, or truncated: {left} bytes are missing')
    return memoryview(parts[0] if len(parts) == 1 else b''.join(parts))


def _checked(number: int, arrays: dict[str, np.ndarray], forms: Mapping[str, ArrayForm]) -> dict[str, np.ndarray]:
    """Return the arrays of a sample after checking that they are complete and have the right form."""
    try:
        check_names(forms, arrays)
        for name, form in forms.items():
            check_array(arrays[name].dtype, arrays[name].shape, form, ())
        if arrays['labels'].shape != (1,):
            raise ValueError(f'expected labels of one sample, found {arrays["labels"].shape}')
    except ValueError as error:
        raise ValueError(f'sample {number}: {error}') from error
    return arrays
