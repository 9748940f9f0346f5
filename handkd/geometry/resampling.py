"""Compiled affine resampling of images and maps: like OpenCV's warpAffine, in about half the time.

Coordinates are fixed-point numbers with 16 fractional bits. The inner loops are simple enough for the compiler to
vectorise: first the indices, then reading, then blending.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from math import prod

import cv2
import numpy as np

from handkd.compiling import njit

_JIT = dict(cache=True, nogil=True, error_model='numpy')
_ONE = 65536
_LANES = np.uint32(0x00FF00FF)  # two 8-bit channels with room for 16 bits each
_HALVES = np.uint32(0x00800080)


def warp_picture(image: np.ndarray, inverse: np.ndarray, border: int, out: np.ndarray) -> None:
    """Resample an image bilinearly.

    Args:
        image: Shape (H, W, 3), uint8.
        inverse: Pixels of the result -> pixels of the image, shape (3, 3), last row (0, 0, 1).
        border: Value outside the image; blended with the image on its edge.
        out: The result, shape (height, width, 3), uint8. Weights are multiples of 1/256.
    """
    # Four channels, so that a pixel is one 32-bit number.
    pixels, blended = _scratch('pixels', (*image.shape[:2], 4)), _scratch('blended', (*out.shape[:2], 4))
    cv2.cvtColor(image, cv2.COLOR_BGR2BGRA, dst=pixels)
    words, result = (array.view(np.uint32)[..., 0] for array in (pixels, blended))
    _bilinear(words, inverse, np.uint32(border * 0x010101), result)
    cv2.cvtColor(blended, cv2.COLOR_BGRA2BGR, dst=out)


def warp_planes(planes: Sequence[np.ndarray], inverse: np.ndarray, outs: Sequence[np.ndarray]) -> None:
    """Resample maps of numbers or labels: each pixel takes the nearest one, and 0 outside.

    Args:
        planes: At most three (depth, mask, parts), all of one shape (H, W), of bool or any type of number, any unit.
        inverse: Pixels of the result -> pixels of the image, shape (3, 3), as in :func:`warp_picture`.
        outs: The results, all of one shape (height, width), of the planes' types.
    """
    # Numba compiles for each type; bool is passed as uint8.
    kinds = [np.uint8 if plane.dtype == bool else plane.dtype for plane in planes]
    nothing = [_NOTHING] * (3 - len(planes))
    sources = [np.ascontiguousarray(plane).view(kind) for plane, kind in zip(planes, kinds)] + nothing
    _nearest(inverse, planes[0].shape, outs[0].shape, *sources, *[o.view(k) for o, k in zip(outs, kinds)], *nothing)


_NOTHING = np.empty((0, 0), np.uint8)
_local = threading.local()


def _scratch(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return this thread's scratch bytes; fresh memory would cost more than the resampling."""
    found, size = _local.__dict__.get(name), prod(shape)
    if found is None or found.size < size:
        found = _local.__dict__[name] = np.empty(size, np.uint8)
    return found[:size].reshape(shape)


@njit(**_JIT)
def _inside(start: int, step: int, limit: int, count: int) -> tuple[int, int]:
    """First and last + 1 of the numbers c < count with 0 <= start + c step < limit."""
    first, last = 0, count
    if step == 0:
        return (0, count) if 0 <= start < limit else (0, 0)
    if step < 0:  # the same positions, counted from the other end of the range
        start, step = limit - 1 - start, -step
    first = max(0, -(start // step))
    last = min(count, (limit - start + step - 1) // step)
    return (first, last) if first < last else (0, 0)


@njit(**_JIT)
def _fixed(value: float) -> int:
    return np.int64(np.rint(value * _ONE))


@njit(**_JIT)
def _row(inverse: np.ndarray, row: int, offset: float) -> tuple[int, int]:
    """Position in the old image, x and y, of the first pixel of a row of the result."""
    x = _fixed(inverse[0, 1] * row + inverse[0, 2] + offset)
    return x, _fixed(inverse[1, 1] * row + inverse[1, 2] + offset)


@njit(**_JIT)
def _span(x: int, y: int, dx: int, dy: int, width: int, height: int, count: int) -> tuple[int, int]:
    """First and last + 1 of the pixels of a row that lie in [0, width) x [0, height)."""
    a, b = _inside(x, dx, width * _ONE, count)
    c, d = _inside(y, dy, height * _ONE, count)
    return max(a, c), max(max(a, c), min(b, d))


@njit(**_JIT)
def _indices(x: int, y: int, dx: int, dy: int, width: int, count: int, indices: np.ndarray) -> None:
    """Flat index of the old pixel under each of the first pixels of a row; all must lie inside."""
    x, y, dx, dy, width = np.int32(x), np.int32(y), np.int32(dx), np.int32(dy), np.int32(width)
    for c in range(count):
        u = np.int32(x + dx * np.int32(c))
        v = np.int32(y + dy * np.int32(c))
        indices[c] = np.uint32((v >> np.int32(16)) * width + (u >> np.int32(16)))


@njit(**_JIT)
def _nearest(
    inverse: np.ndarray,
    old: tuple[int, int],
    new: tuple[int, int],
    one: np.ndarray,
    two: np.ndarray,
    three: np.ndarray,
    out_one: np.ndarray,
    out_two: np.ndarray,
    out_three: np.ndarray,
) -> None:
    """Resample three maps (H, W) row by row, for locality of memory; empty ones are left out."""
    indices = np.empty(new[1], np.uint32)
    dx, dy = _fixed(inverse[0, 0]), _fixed(inverse[1, 0])
    for row in range(new[0]):
        x, y = _row(inverse, row, 0.5)
        a, b = _span(x, y, dx, dy, old[1], old[0], new[1])
        _indices(x + a * dx, y + a * dy, dx, dy, old[1], b - a, indices)
        if one.size:
            _pick(one.reshape(-1), indices, a, b, out_one[row])
        if two.size:
            _pick(two.reshape(-1), indices, a, b, out_two[row])
        if three.size:
            _pick(three.reshape(-1), indices, a, b, out_three[row])


@njit(**_JIT)
def _pick(flat: np.ndarray, indices: np.ndarray, a: int, b: int, out: np.ndarray) -> None:
    """Fill a row: from the pixels at the indices between a and b, with 0 elsewhere."""
    out[:a] = 0
    for c in range(b - a):
        out[a + c] = flat[indices[c]]
    out[b:] = 0


@njit(**_JIT)
def _bilinear(words: np.ndarray, inverse: np.ndarray, border: int, out: np.ndarray) -> None:
    height, width = words.shape
    flat, indices = words.reshape(-1), np.empty(out.shape[1], np.uint32)
    corners = np.empty((4, out.shape[1]), np.uint32)
    dx, dy = _fixed(inverse[0, 0]), _fixed(inverse[1, 0])
    for row in range(out.shape[0]):
        x, y = _row(inverse, row, 0.0)
        x, y = x + 128, y + 128  # so that cutting off to 8 bits rounds
        a, b = _span(x, y, dx, dy, width - 1, height - 1, out.shape[1])
        for c in range(a):
            out[row, c] = _at_the_edge(words, x + c * dx, y + c * dy, border)
        for c in range(b, out.shape[1]):
            out[row, c] = _at_the_edge(words, x + c * dx, y + c * dy, border)
        x, y = x + a * dx, y + a * dy
        _indices(x, y, dx, dy, width, b - a, indices)
        _gather(flat, indices, width, b - a, corners)
        _blend(corners, x, y, dx, dy, row, a, b - a, out)


@njit(**_JIT)
def _gather(flat: np.ndarray, indices: np.ndarray, width: int, count: int, corners: np.ndarray) -> None:
    """Read the four pixels around each position."""
    right, below = np.uint32(1), np.uint32(width)
    for c in range(count):
        k = indices[c]
        corners[0, c] = flat[k]
        corners[1, c] = flat[k + right]
        corners[2, c] = flat[k + below]
        corners[3, c] = flat[k + below + right]


@njit(**_JIT)
def _mix(p: int, q: int, s: int, t: int, fx: int, fy: int) -> int:
    """Blend four pixels, two channels at a time; the weights sum to 256, so that a uniform colour is unchanged."""
    eight = np.uint32(8)
    w11 = (fx * fy + np.uint32(128)) >> eight
    w10, w01 = np.uint32(fy - w11), np.uint32(fx - w11)
    w00 = np.uint32(np.uint32(256) - fx - w10)
    even = (p & _LANES) * w00 + (q & _LANES) * w01 + (s & _LANES) * w10 + (t & _LANES) * w11 + _HALVES
    p, q, s, t = (p >> eight) & _LANES, (q >> eight) & _LANES, (s >> eight) & _LANES, (t >> eight) & _LANES
    odd = p * w00 + q * w01 + s * w10 + t * w11 + _HALVES
    return ((even >> eight) & _LANES) | (odd & ~_LANES)


@njit(**_JIT)
def _blend(
    corners: np.ndarray, x: int, y: int, dx: int, dy: int, row: int, first: int, count: int, out: np.ndarray
) -> None:
    x, y, dx, dy = np.int32(x), np.int32(y), np.int32(dx), np.int32(dy)
    eight, low = np.uint32(8), np.uint32(255)
    for c in range(count):
        fx = (np.uint32(x + dx * np.int32(c)) >> eight) & low
        fy = (np.uint32(y + dy * np.int32(c)) >> eight) & low
        out[row, first + c] = _mix(corners[0, c], corners[1, c], corners[2, c], corners[3, c], fx, fy)


@njit(**_JIT)
def _at_the_edge(words: np.ndarray, x: int, y: int, border: int) -> int:
    """One pixel whose four neighbours may lie outside the image."""
    height, width = words.shape
    u, v = x >> 16, y >> 16
    if u < -1 or v < -1 or u >= width or v >= height:
        return border
    p = words[v, u] if v >= 0 and u >= 0 else border
    q = words[v, u + 1] if v >= 0 and u + 1 < width else border
    s = words[v + 1, u] if v + 1 < height and u >= 0 else border
    t = words[v + 1, u + 1] if v + 1 < height and u + 1 < width else border
    return _mix(p, q, s, t, np.uint32((x >> 8) & 255), np.uint32((y >> 8) & 255))
