"""Shapes of arrays in files of any origin: whether one is a shape at all, and has as many bytes as the file."""

from __future__ import annotations

import math

_LONGEST_EMPTY = 1 << 16


def fits(shape: object, itemsize: int, size: int) -> bool:
    """Return whether an array of this shape takes a number of bytes.

    An array without bytes could have any length, but iterating over it would take for ever: none is longer than 65536.

    Args:
        shape: The shape from the file, of any type.
        itemsize: Bytes of an element.
        size: The number of bytes.
    """
    plain = type(shape) is tuple and len(shape) <= 32 and all(type(side) is int and side >= 0 for side in shape)
    return plain and math.prod(shape) * itemsize == size and max(shape, default=0) <= max(size, _LONGEST_EMPTY)
