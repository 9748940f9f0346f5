"""Tar files: written by the webdataset package, which is needed for that alone, and read from beginning to end."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType

import numpy as np

from .forms import MOST_LABEL_BYTES, NPY_HEADER, ArrayForm, check_array, check_names
from .npy import array_in
from .stores import Readable

_MEMBER = re.compile(r'(\d{1,19})\.([a-z]+)\.npy')
_AT_ONCE = 1 << 18


def import_webdataset() -> ModuleType:
    """Return the package.

    Raises:
        ImportError: If it is not there; says how to install it.
    """
    try:
        import webdataset
    except ImportError as error:
        raise ImportError("packing for streams needs the package 'webdataset': pip install webdataset") from error
    return webdataset


def open_writer(path: Path) -> object:
    """Return a ``webdataset.TarWriter``; equal samples give an equal file."""
    return import_webdataset().TarWriter(str(path), encoder=False, mtime=0)


def read_tar(stream: Readable, forms: Mapping[str, ArrayForm]) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    """Read a shard from its beginning to its end.

    Args:
        stream: The file.
        forms: What images each sample must have, beside its labels.

    Yields:
        The number of a sample, and its arrays by name.

    Raises:
        OSError: If the file can't be read.
        ValueError: If it is no tar file of such samples; says why.
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


def _members(stream: Readable, forms: Mapping[str, ArrayForm]) -> Iterator[tuple[int, str, bytes]]:
    """Yield sample, array and content of each file in a tar file, none of which takes more room than it may."""
    most = {name: form.bytes + NPY_HEADER for name, form in forms.items()} | {'labels': MOST_LABEL_BYTES + NPY_HEADER}
    try:
        with tarfile.open(fileobj=stream, mode='r|', bufsize=_AT_ONCE) as tar:
            for member in tar:
                match = _MEMBER.fullmatch(member.name)
                if match is None or match[2] not in most or not member.isreg() or member.issparse():
                    raise ValueError(f'holds {member.name[:80]!r}, expected files like 000000000.labels.npy')
                if not 0 <= member.size <= most[match[2]]:
                    raise ValueError(f'{member.name}: has {member.size} bytes, expected at most {most[match[2]]}')
                yield int(match[1]), match[2], tar.extractfile(member).read()
                tar.members = []  # it would remember them all
    except tarfile.TarError as error:
        raise ValueError(f'no tar file ({error})') from error


def _checked(number: int, arrays: dict[str, np.ndarray], forms: Mapping[str, ArrayForm]) -> dict[str, np.ndarray]:
    """Return the arrays of a sample, if they are all there and as they must be."""
    try:
        check_names(forms, arrays)
        for name, form in forms.items():
            check_array(arrays[name].dtype, arrays[name].shape, form, ())
        if arrays['labels'].shape != (1,):
            raise ValueError(f'expected labels of one sample, found {arrays["labels"].shape}')
    except ValueError as error:
        raise ValueError(f'sample {number}: {error}') from error
    return arrays
