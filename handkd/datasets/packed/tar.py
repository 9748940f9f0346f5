"""Tar files through the webdataset package, which is needed for the streaming form alone."""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from types import ModuleType

import numpy as np


def import_webdataset() -> ModuleType:
    """Return the package.

    Raises:
        ImportError: If it is not there; says how to install it.
    """
    try:
        import webdataset
    except ImportError as error:
        raise ImportError("the streaming form needs the package 'webdataset': pip install webdataset") from error
    return webdataset


def open_writer(path: Path) -> object:
    """Return a ``webdataset.TarWriter``; equal samples give an equal file."""
    return import_webdataset().TarWriter(str(path), encoder=False, mtime=0)


def read_bytes(url: str) -> bytes:
    """Read a file or URL through webdataset's opener.

    Raises:
        OSError: If it can't be read; names it.
    """
    webdataset = import_webdataset()
    try:
        with webdataset.gopen(url) as stream:
            return stream.read()
    except Exception as error:  # gopen's kinds are as many as its schemes
        raise OSError(f'{url}: can not be read ({error})') from error


def read_tar(url: str) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    """Read a shard from its beginning to its end.

    Args:
        url: A path, or what ``webdataset.gopen`` opens.

    Yields:
        The number of a sample, and its arrays by name.

    Raises:
        OSError: If the file can't be opened or is damaged; names it.
    """
    webdataset = import_webdataset()
    try:
        for sample in webdataset.tarfile_to_samples()([dict(url=url)]):
            arrays = {name[:-4]: _array(data) for name, data in sample.items() if name.endswith('.npy')}
            yield int(sample['__key__']), arrays
    except Exception as error:
        raise OSError(f'{url}: the shard is damaged or can not be read ({type(error).__name__}: {error})') from error


def _array(data: bytes) -> np.ndarray:
    """Return the array in a ``.npy`` file, without copying it."""
    length = int.from_bytes(data[8:10], 'little') + 10  # version 1 of the format
    dtype, shape = _header(data[:length])
    return np.frombuffer(data, dtype, offset=length).reshape(shape)


@lru_cache(maxsize=64)
def _header(header: bytes) -> tuple[np.dtype, tuple[int, ...]]:
    """Parse the header of a ``.npy`` file, which takes longer than all the rest; samples have few different ones."""
    file = io.BytesIO(header)
    version = np.lib.format.read_magic(file)
    if version != (1, 0):
        raise ValueError(f'expected version 1.0 of the npy format, found {version}')
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    return dtype, shape
