"""Pickles as Python 2 wrote them, for the label files of older data sets."""

from __future__ import annotations

import struct
from collections.abc import Mapping

import numpy as np


def pickle_as_python2(value: np.ndarray | Mapping[str, object]) -> bytes:
    """Pickle plain data with float64 arrays as Python 2 and its NumPy did, protocol 2: their bytes are byte strings.

    Python 3 can't write that opcode; it would call ``_codecs.encode`` instead, unlike the real files.

    Args:
        value: An array, text of up to 255 characters, an integer up to 2^31, None, or a mapping of text to these.

    Raises:
        TypeError: If it is anything else.
    """
    return b'\x80\x02' + _opcodes(value) + b'.'


def _opcodes(value: object) -> bytes:
    """Return the instructions that make a value."""
    if value is None:
        return b'N'
    if isinstance(value, str):
        return b'U' + bytes([len(value)]) + value.encode('latin1')
    if isinstance(value, int):
        return b'K' + bytes([value]) if 0 <= value < 256 else b'J' + struct.pack('<i', value)
    if isinstance(value, Mapping):
        return b'}(' + b''.join(_opcodes(key) + _opcodes(item) for key, item in value.items()) + b'u'
    if not isinstance(value, np.ndarray):
        raise TypeError(f'only plain data can be written, found {type(value).__name__}')
    data = value.astype('<f8').tobytes()
    return b''.join([
        b'cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R',
        b'(K\x01(', b''.join(map(_opcodes, value.shape)), b't',  # version, shape, dtype, not in Fortran's order, bytes
        b'cnumpy\ndtype\nU\x02f8K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb',
        b'\x89T', struct.pack('<i', len(data)), data, b'tb',
    ])  # fmt: skip
