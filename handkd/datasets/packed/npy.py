"""Arrays in ``.npy`` files: untrusted headers, and files mapped into memory without staying open."""

from __future__ import annotations

import ctypes
import io
import os
import weakref
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import numpy as np

from handkd.array_files import read_header
from handkd.array_shapes import fits

_PROT_READ, _MAP_SHARED = 1, 1


def read_packed_header(file: BinaryIO) -> tuple[np.dtype, tuple[int, ...]]:
    """Read the header of a ``.npy`` file, up to the first number.

    Returns:
        Type and shape of the array, whose numbers are in C order.

    Raises:
        ValueError: If it is not such a header, or one of objects or of Fortran order. The shape may not fit the file.
    """
    try:
        shape, order, dtype = read_header(file)
    except ValueError as error:
        raise ValueError(f'not a header of a .npy file ({error})') from error
    fortran = order == 'F' and len(shape) > 1
    if dtype.hasobject or fortran:
        raise ValueError(
            f'an array of type {dtype} and shape {shape}{" in Fortran order" * fortran} does not belong to a pack'
        )
    return dtype, shape


@lru_cache(maxsize=64)
def parse_header(header: bytes) -> tuple[np.dtype, tuple[int, ...]]:
    """Return :func:`read_packed_header`'s result for bytes, cached: parsing is slow, and most headers are the same."""
    return read_packed_header(io.BytesIO(header))


def array_in(data: bytes | memoryview) -> np.ndarray:
    """Return the array in the content of a ``.npy`` file, without copying it.

    Raises:
        ValueError: If it is not such a file, or its length differs from that in its header.
    """
    length = int.from_bytes(data[8:10], 'little') + 10  # version 1 of the format
    dtype, shape = parse_header(bytes(data[:length]))
    if not fits(shape, dtype.itemsize, len(data) - length):
        raise ValueError(f'expected {dtype} {shape} after the header, found {len(data) - length} bytes')
    return np.frombuffer(data, dtype, offset=length).reshape(shape)


def map_array(path: Path) -> np.ndarray:
    """Map a ``.npy`` file into memory, read-only.

    Unlike :class:`numpy.memmap`, which keeps a descriptor for each file, no file stays open: a data set of thousands of
    shards needs no more descriptors than one of a single shard, and no file has to be closed and opened again.

    Args:
        path: The file.

    Returns:
        The array; the file stays mapped as long as a reference to it exists.

    Raises:
        OSError: If it can't be opened or mapped; names it.
        ValueError: If it is not such a file, or its length differs from that in its header; names it.
    """
    with open(path, 'rb') as file:
        try:
            dtype, shape = read_packed_header(file)
        except ValueError as error:
            raise ValueError(f'{path}: {error}') from error
        offset, size = file.tell(), os.fstat(file.fileno()).st_size
        if not fits(shape, dtype.itemsize, size - offset):
            raise ValueError(f'{path}: expected {dtype} {shape} after the header, found {size - offset} bytes')
        if size == offset:
            return np.empty(shape, dtype)
        buffer = _map(file.fileno(), size, path)
    array = np.frombuffer(buffer, np.uint8)[offset:].view(dtype).reshape(shape)
    array.flags.writeable = False
    return array


def _map(descriptor: int, size: int, path: Path) -> ctypes.Array:
    """Map a file by the C library, since Python's ``mmap`` keeps a copy of the descriptor before version 3.13."""
    address = _libc().mmap(None, size, _PROT_READ, _MAP_SHARED, descriptor, 0)
    if address == ctypes.c_void_p(-1).value:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(path))
    buffer = (ctypes.c_ubyte * size).from_address(address)
    weakref.finalize(buffer, _libc().munmap, address, size).atexit = False  # the end of the process unmaps it, too
    return buffer


@lru_cache(maxsize=1)
def _libc() -> ctypes.CDLL:
    """Return the C library with the signatures of the called functions."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    return libc
