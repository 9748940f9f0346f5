"""numpy arrays from pickles: only plain ones, with types made here and sizes that match their bytes."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from .array_shapes import fits

_KINDS = 'biufcSU'


class RefusedPickleError(ValueError):
    """A pickle requests more than plain data, or more of it than it has bytes for; the message names the request."""


def _make_dtype(code: str, align: object = False, copy: object = True) -> np.dtype:
    """Return a new type by the code of a number, bool, bytes or text."""
    if type(code) is not str or not re.fullmatch(r'[?biufcSU]\d{0,6}', code):
        raise RefusedPickleError(f'an array is of type {str(code)[:20]!a}; only numbers, bools and text are read')
    dtype = np.dtype(code, copy=True)
    if dtype.kind not in _KINDS or not dtype.itemsize:
        raise RefusedPickleError(f'an array is of type {code!r}')
    return dtype


def set_byte_order(dtype: np.dtype, state: object) -> None:
    """Set the byte order of a type in a pickle; all other parts of its state must be those of the plain type.

    Args:
        dtype: A plain type, changed in place.
        state: State in the pickle: version, byte order, subarray, names, fields, size, alignment, flags.

    Raises:
        RefusedPickleError: If another part differs.
    """
    own = dtype.__reduce__()[2]
    if type(state) is not tuple or len(state) != 8 or state[1] not in ('<', '>', '|', '='):
        raise RefusedPickleError('the type of an array has a state that no plain type has')
    plain = own[5:7] if dtype.kind in 'SU' else (-1, -1)
    given = state[5:7] if all(type(size) is int for size in state[5:7]) else None
    # numpy 1.11 gave text no flag of its own.
    if state[2:5] != (None, None, None) or given != plain or state[7] not in {0, own[7]}:
        raise RefusedPickleError('the type of an array has fields, flags or sizes that no plain type has')
    dtype.__setstate__((3, state[1], None, None, None, *own[5:]))


def _check_shape(shape: object, dtype: object, data: bytes) -> tuple[int, ...]:
    """Return a shape after checking that it matches the bytes."""
    if not isinstance(dtype, np.dtype):
        raise RefusedPickleError('an array has no type')
    if not fits(shape, dtype.itemsize, len(data)):
        raise RefusedPickleError(f'an array of shape {str(shape)[:80]} and type {dtype} has {len(data)} bytes')
    if dtype.kind == 'U' and data:
        letters = np.frombuffer(data, np.dtype('u4').newbyteorder(dtype.byteorder))
        if letters.max() > 0x10FFFF:
            raise RefusedPickleError('an array of text has letters that do not exist')
    return shape


def _as_bytes(data: object) -> bytes:
    """Return an array's bytes, which Python 2 wrote as text."""
    data = data.encode('latin1') if type(data) is str else data
    if type(data) not in (bytes, bytearray):
        raise RefusedPickleError(f'an array is made of {type(data).__name__}; Python objects in arrays are not read')
    return data


def _make_blank(kind: object, shape: object = (0,), code: object = b'b') -> np.ndarray:
    """Return an empty array, which :func:`fill` fills."""
    if kind is not np.ndarray:
        raise RefusedPickleError('an array is of an unknown class')
    return np.empty(0, np.int8)


def fill(array: np.ndarray, state: object) -> None:
    """Set the content of an array in a pickle.

    Args:
        array: Any shape, unit and frame; changed in place.
        state: Version (optional), shape, type, whether in Fortran order, bytes.

    Raises:
        RefusedPickleError: If the number of bytes does not match shape and type, or they are Python objects.
    """
    if type(state) is not tuple or not 4 <= len(state) <= 5:
        raise RefusedPickleError('an array has a state that no array has')
    shape, dtype, fortran, data = state[-4:]
    data = bytes(_as_bytes(data))
    shape = _check_shape(shape, dtype, data)
    # A copy of the type: the pickle can still change the original.
    array.__setstate__((1, shape, np.dtype(dtype.str), bool(fortran), data))


def _make_scalar(dtype: np.dtype, data: bytes | str) -> np.generic:
    data = _as_bytes(data)
    _check_shape((), dtype, data)
    return np.frombuffer(data, dtype)[0]


def _make_from_buffer(data: bytes | bytearray, dtype: np.dtype, shape: tuple[int, ...], order: str) -> np.ndarray:
    if order not in ('C', 'F'):
        raise RefusedPickleError('an array is neither in C nor in Fortran order')
    shape = _check_shape(shape, dtype, _as_bytes(data))
    return np.frombuffer(data, np.dtype(dtype.str)).reshape(shape, order=order)


MAKERS: dict[tuple[str, str], Callable[..., object]] = {
    ('numpy', 'dtype'): _make_dtype,
    **{
        (f'numpy.{core}.{module}', name): make
        for core in ('core', '_core')  # of numpy 1 and 2
        for module, name, make in (
            ('multiarray', '_reconstruct', _make_blank),
            ('multiarray', 'scalar', _make_scalar),
            ('numeric', '_frombuffer', _make_from_buffer),
        )
    },
}
"""(module, name) of a function or class that makes arrays in pickles -> its replacement here."""
