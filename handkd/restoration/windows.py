"""Windows of label maps and their Hamming distances (Neverova et al. 2017, section 3.2), on maps stored as bits.

A *patch* is the 27 x 27 window around a pixel, background outside of the map. It is never stored: its address is its
centre's index in the flat stack of maps, ``(map * H + row) * W + col``. A row of labels is five 64-bit words, one per
bit of the label, so a row of a window is a shift and a mask, and 27 labels are compared by five XORs and one bit count.
"""

from __future__ import annotations

import numpy as np

from handkd.compiling import njit
from handkd.hand import NUM_PARTS

PATCH = 27
"""Side of a patch in px, P of section 3.2."""
RADIUS = PATCH // 2
NUM_LABELS = NUM_PARTS + 1
"""Number of labels: the background and the parts."""
MAX_SIDE = 64 - RADIUS
"""Largest side of a map in px: a row and half a window must fit into a word."""
FAR = PATCH * PATCH + 1
"""Distance of a missing patch, larger than any other."""
_PLANES = 5
_JIT = dict(cache=True, nogil=True, error_model='numpy')
_ROW = np.uint64(2**PATCH - 1)
_NARROW_ROW = np.uint64(2 ** (PATCH - 1) - 1)
_U = np.uint64
"""Kernels use unsigned indices: the check for negative ones (from the end) would prevent the vectorisation of loops."""


def check_maps(maps: np.ndarray, where: str) -> None:
    """Check that an array is a stack of label maps.

    Args:
        maps: Part maps of the image, shape (B, H, W), uint8: 0 background, 1..20 parts.
        where: Name of the array in errors.

    Raises:
        ValueError: If it has another type, shape or size, or an invalid label; names it.
    """
    if maps.dtype != np.uint8 or maps.ndim != 3 or not all(1 <= side <= MAX_SIDE for side in maps.shape[1:]):
        raise ValueError(
            f'{where}: expected uint8 of shape (B, H, W), sides up to {MAX_SIDE} px, found {maps.dtype} {maps.shape}'
        )
    if maps.size and maps.max() >= NUM_LABELS:
        at = np.argmax(maps.reshape(len(maps), -1).max(1) >= NUM_LABELS)
        raise ValueError(
            f'{where}: map {at} has the label {maps[at].max()}, expected 0..{NUM_LABELS - 1}; '
            'give unknown pixels a part or the background first'
        )


def hand_pixels(maps: np.ndarray) -> np.ndarray:
    """Return the addresses of the pixels that are not background.

    Args:
        maps: Part maps of the image, shape (B, H, W), uint8.

    Returns:
        Ascending, shape (Q,), int64.
    """
    return np.flatnonzero(maps)


@njit(**_JIT)
def bit_rows(maps: np.ndarray) -> np.ndarray:
    """Return label maps as bits.

    Args:
        maps: Part maps of the image, shape (N, H, W), uint8, labels below 32.

    Returns:
        Shape (N, 5, H + 26), uint64: for each bit of the labels the rows, with 13 empty ones on either side; column x
        is bit x + 13.
    """
    count, height, width = maps.shape
    rows = np.zeros((count, _PLANES, height + 2 * RADIUS), np.uint64)
    for n in range(count):
        for y in range(height):
            for x in range(width):
                label = _U(maps[n, y, x])
                for plane in range(_PLANES):
                    rows[n, plane, y + RADIUS] |= ((label >> _U(plane)) & _U(1)) << _U(x + RADIUS)
    return rows


@njit(**_JIT)
def read_windows(rows: np.ndarray, width: int, patches: np.ndarray) -> np.ndarray:
    """Return patches as bits.

    Args:
        rows: Maps of the image as bits, see :func:`bit_rows`.
        width: Width of a map in px.
        patches: Addresses, shape (Q,), int64.

    Returns:
        Shape (Q, 5, 27), uint64; column x of the window is bit x.
    """
    height = rows.shape[2] - 2 * RADIUS
    windows = np.empty((len(patches), _PLANES, PATCH), np.uint64)
    for i in range(len(patches)):
        pixel = patches[i] % (height * width)
        row, col = _U(pixel // width), _U(pixel % width)
        planes = rows[patches[i] // (height * width)]
        for plane in range(_U(_PLANES)):
            for k in range(_U(PATCH)):
                windows[i, plane, k] = (planes[plane, row + k] >> col) & _ROW
    return windows


@njit(**_JIT)
def nearest_among(
    windows: np.ndarray, rows: np.ndarray, width: int, patches: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return each query's nearest patches among its own candidates.

    Args:
        windows: Queries, shape (Q, 5, 27), see :func:`read_windows`.
        rows: Maps of the image that hold the patches, see :func:`bit_rows`.
        width: Width of a map in px.
        patches: Addresses of each query's candidates, shape (Q, K), int64; negative for none.
        count: Number of patches to return.

    Returns:
        As :func:`nearest_of_all`; with fewer candidates the last ones are -1 at the distance :data:`FAR`.
    """
    height = rows.shape[2] - 2 * RADIUS
    nearest = np.full((len(windows), count), -1, np.int64)
    found = np.full((len(windows), count), FAR, np.int32)
    for i in range(len(windows)):
        for patch in patches[i]:
            if patch >= 0:
                pixel = patch % (height * width)
                planes = rows[patch // (height * width)]
                distance = _distance(windows[i], planes, _U(pixel // width), _U(pixel % width))
                _insert(nearest[i], found[i], patch, np.int32(distance))
    return nearest, found


@njit(**_JIT)
def nearest_of_all(
    windows: np.ndarray, rows: np.ndarray, maps: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return each query's nearest patches by comparing it with all patches.

    Args:
        windows: Queries, shape (Q, 5, 27), see :func:`read_windows`.
        rows: Maps of the image that hold the patches, see :func:`bit_rows`.
        maps: The same maps, shape (N, H, W), uint8; their patches are those of all pixels that are not background.
        count: Number of patches to return, at most the number of patches.

    Returns:
        Addresses (Q, count), int64, and distances (Q, count), int32, in labels, ascending, ties by the lower address.
    """
    number, height, width = maps.shape
    nearest = np.full((len(windows), count), -1, np.int64)
    found = np.full((len(windows), count), FAR, np.int32)
    for n in range(number):
        for y in range(height):
            for x in range(width):
                if maps[n, y, x] == 0:
                    continue
                for i in range(len(windows)):
                    distance = _distance(windows[i], rows[n], _U(y), _U(x))
                    _insert(nearest[i], found[i], (n * height + y) * width + x, np.int32(distance))
    return nearest, found


@njit(**_JIT)
def overlap_distances(first: np.ndarray, second: np.ndarray, right: bool) -> np.ndarray:
    """Return the number of labels that differ where the patches of two neighbouring pixels overlap, 27 x 26 px.

    Args:
        first: Patches of one pixel of the image, shape (N, 5, 27), see :func:`read_windows`.
        second: Patches of the pixel to the right of it or below it, of the same shape.
        right: Whether it is to the right.

    Returns:
        Shape (N, N), int32: rows by the first pixel's patch, columns by the second's.
    """
    found = np.empty((len(first), len(second)), np.int32)
    for a in range(len(first)):
        for b in range(len(second)):
            total = _U(0)
            if right:
                for k in range(_U(PATCH)):
                    differ = _U(0)
                    for plane in range(_U(_PLANES)):
                        differ |= (first[a, plane, k] >> _U(1)) ^ (second[b, plane, k] & _NARROW_ROW)
                    total += _bits(differ)
            else:
                for k in range(_U(PATCH - 1)):
                    differ = _U(0)
                    for plane in range(_U(_PLANES)):
                        differ |= first[a, plane, k + _U(1)] ^ second[b, plane, k]
                    total += _bits(differ)
            found[a, b] = total
    return found


@njit(**_JIT)
def _distance(window: np.ndarray, planes: np.ndarray, row: int, col: int) -> int:
    """Return the number of labels of a window (5, 27) that differ from those around a pixel of a map, (5, H + 26)."""
    total = _U(0)
    for k in range(_U(PATCH)):  # planes unrolled by hand, without which rows are not compared eight at a time
        at = row + k
        differ = ((planes[_U(0), at] >> col) & _ROW) ^ window[_U(0), k]
        differ |= ((planes[_U(1), at] >> col) & _ROW) ^ window[_U(1), k]
        differ |= ((planes[_U(2), at] >> col) & _ROW) ^ window[_U(2), k]
        differ |= ((planes[_U(3), at] >> col) & _ROW) ^ window[_U(3), k]
        differ |= ((planes[_U(4), at] >> col) & _ROW) ^ window[_U(4), k]
        total += _bits(differ)
    return total


@njit(**_JIT)
def _insert(patches: np.ndarray, distances: np.ndarray, patch: int, distance: int) -> None:
    """Insert a patch into an ascending list, from which the last one drops."""
    place = len(patches)
    while place > 0 and (
        distances[place - 1] > distance or (distances[place - 1] == distance and patches[place - 1] > patch)
    ):
        place -= 1
        if place + 1 < len(patches):
            patches[place + 1], distances[place + 1] = patches[place], distances[place]
    if place < len(patches):
        patches[place], distances[place] = patch, distance


@njit(**_JIT)
def _bits(word: int) -> int:
    """Return the number of set bits of a word; LLVM recognises this form and uses the processor's instruction."""
    word = word - ((word >> _U(1)) & _U(0x5555555555555555))
    word = (word & _U(0x3333333333333333)) + ((word >> _U(2)) & _U(0x3333333333333333))
    word = (word + (word >> _U(4))) & _U(0x0F0F0F0F0F0F0F0F)
    return (word * _U(0x0101010101010101)) >> _U(56)
