"""Reading numpy's files: plain arrays, with all sizes checked against the file."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from .array_shapes import fits
from .hints import one_line
from .reading import open_file

_MAX_UNPACKED = 1 << 29  # bytes, or this multiple of the file's size:
_MAX_RATIO = 100


class ArrayFileError(ValueError):
    """A file is damaged, or has other content than plain arrays.

    Attributes:
        fault: Its fault, without the file's name.
    """

    def __init__(self, path: str | os.PathLike, fault: str) -> None:
        super().__init__(f'{os.fspath(path)}: {fault}')
        self.fault = fault


class Header(NamedTuple):
    """Header of an array in a file, which may not fit the file."""

    shape: tuple[int, ...]
    order: str
    dtype: np.dtype


def read_npy(path: str | os.PathLike, mapped: bool = False) -> np.ndarray:
    """Read an array of numbers, bools or text from a ``.npy`` file.

    Args:
        path: The file.
        mapped: Whether to map it into memory, read-only, instead of reading it. Defaults to False.

    Returns:
        The array, of any shape, unit and frame.

    Raises:
        OSError: If it can't be opened.
        ArrayFileError: If it is damaged, or has Python objects or records; names it.
    """
    with open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        header = _checked_header(file, path, size)
        if mapped:
            return np.memmap(file, header.dtype, 'r', file.tell(), header.shape, header.order)
        return np.ndarray(header.shape, header.dtype, bytearray(file.read()), order=header.order)


def read_npz(path: str | os.PathLike, names: Iterable[str] | None = None) -> dict[str, np.ndarray]:
    """Read arrays of numbers, bools or text from a ``.npz`` file; the archive's checksums are compared.

    Args:
        path: The file.
        names: Names of the arrays. Defaults to None: all arrays of the file.

    Returns:
        Name -> array, of any shape, unit and frame.

    Raises:
        OSError: If it can't be opened.
        ArrayFileError: If it is damaged, lacks an array, unpacks to far more than its size, or has Python objects or
            records; names it.
    """
    with open_file(path) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                return _read_members(archive, path, names)
        except ArrayFileError:
            raise
        except Exception as error:  # zlib.error, BadZipFile, EOFError, NotImplementedError, struct.error, ...
            raise ArrayFileError(path, f'not a readable npz file ({one_line(error)[:200]})') from error


def _read_members(
    archive: zipfile.ZipFile, path: str | os.PathLike, names: Iterable[str] | None
) -> dict[str, np.ndarray]:
    members = {info.filename.removesuffix('.npy'): info for info in archive.infolist()}
    names = list(members if names is None else names)
    missing = [name for name in names if name not in members]
    if missing:
        raise ArrayFileError(path, f'has no array {missing[0]!r}, found {sorted(members)[:10]}')
    total, size = sum(members[name].file_size for name in names), Path(path).stat().st_size
    if total > max(_MAX_UNPACKED, _MAX_RATIO * size):
        raise ArrayFileError(path, f'not a readable npz file ({size} bytes claim to unpack to {total})')
    arrays = {}
    for name in names:
        with archive.open(members[name]) as file:
            header = _checked_header(file, path, members[name].file_size)
            arrays[name] = np.ndarray(header.shape, header.dtype, bytearray(file.read()), order=header.order)
    return arrays


def read_header(file: BinaryIO) -> Header:
    """Read the header of a ``.npy`` file, up to the first number.

    Raises:
        OSError: That of the file.
        ValueError: If it is not such a header.
    """
    try:
        version = np.lib.format.read_magic(file)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
        shape, fortran, dtype = read(file)
    except OSError:
        raise
    except Exception as error:  # the header is in Python's syntax: SyntaxError, TokenError, RecursionError, ...
        raise ValueError(f'{type(error).__name__}: {error}') from error
    return Header(shape, 'F' if fortran else 'C', dtype)


def _checked_header(file: BinaryIO, path: str | os.PathLike, size: int) -> Header:
    """Return the header of an array, after checking that it is plain and matches the number of bytes."""
    try:
        shape, order, dtype = header = read_header(file)
    except (ValueError, OSError) as error:
        raise ArrayFileError(path, f'not a readable npy file ({one_line(error)[:200]})') from error
    if dtype.hasobject:
        raise ArrayFileError(
            path, 'has pickled objects, which could run code when read, so they are refused: save plain arrays'
        )
    if dtype.kind not in 'biufcSU':
        raise ArrayFileError(path, f'has an array of {str(dtype)[:80]}, expected numbers, bools or text')
    there = size - file.tell()
    if not fits(shape, dtype.itemsize, there):
        raise ArrayFileError(
            path, f'not a readable npy file (of shape {str(shape)[:80]} and type {dtype}, it has {there} bytes)'
        )
    return header
