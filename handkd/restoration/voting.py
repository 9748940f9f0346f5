"""Restored labels from retrieved patches, by voting in a window (Neverova et al. 2017, Eq. 2)."""

from __future__ import annotations

import numpy as np

from handkd.compiling import njit

from .windows import NUM_LABELS, PATCH

_JIT = dict(cache=True, nogil=True, error_model='numpy')
_LABELS = np.uint64(NUM_LABELS)
_U = np.uint64


def vote(
    maps: np.ndarray, pixels: np.ndarray, dictionary_maps: np.ndarray, patches: np.ndarray, window: int = 17
) -> np.ndarray:
    """Return label maps in which each hand pixel has the label with the most votes of the patches around it (Eq. 2).

    The patch of a pixel is centred on it; those of all pixels in a W x W window around pixel j cover j and vote. Only
    pixels that are not background get a new label, and never the background: patches with background at j don't vote.
    Ties are broken by the lowest label. With W = 1 each pixel gets the central label of its own patch, the paper's
    variant without integration. A pixel without votes keeps its label; that happens only if not all hand pixels have a
    patch.

    Args:
        maps: Part maps of the image to restore, shape (B, H, W), uint8.
        pixels: Addresses of the pixels that have a patch, shape (Q,), int64.
        dictionary_maps: The dictionary's maps, shape (N, h, w), uint8.
        patches: Address of each pixel's patch in the dictionary, shape (Q,), int64.
        window: Side of the window in px, W. Defaults to 17: the paper's.

    Returns:
        Shape (B, H, W), uint8.

    Raises:
        ValueError: If the window is even or larger than a patch, or the number of patches is not that of the pixels.
    """
    check_window(window)
    if len(pixels) != len(patches):
        raise ValueError(f'expected one patch per pixel, found {len(patches)} for {len(pixels)} pixels')
    return _vote(maps, pixels, dictionary_maps, patches, window // 2)


def check_window(window: int) -> None:
    """Raise a ValueError unless the voting window is odd and no larger than a patch."""
    if window % 2 != 1 or not 1 <= window <= PATCH:
        raise ValueError(f'the voting window must be odd, from 1 to {PATCH} px, found {window}')


@njit(**_JIT)
def _vote(
    maps: np.ndarray, pixels: np.ndarray, dictionary_maps: np.ndarray, patches: np.ndarray, radius: int
) -> np.ndarray:
    """Vote in a window of ``radius`` px to either side; see :func:`vote`."""
    _, height, width = maps.shape
    _, rows, cols = dictionary_maps.shape
    votes = np.zeros(maps.size * NUM_LABELS, np.uint16)
    for i in range(len(pixels)):
        image, y, x = pixels[i] // (height * width), pixels[i] % (height * width) // width, pixels[i] % width
        source, row, col = patches[i] // (rows * cols), patches[i] % (rows * cols) // cols, patches[i] % cols
        left, right = max(-radius, -x, -col), min(radius, width - 1 - x, cols - 1 - col)
        for down in range(max(-radius, -y, -row), min(radius, height - 1 - y, rows - 1 - row) + 1):
            labels = dictionary_maps[source, row + down]
            start = (image * height + y + down) * width + x
            for across in range(left, right + 1):
                votes[_U(start + across) * _LABELS + _U(labels[_U(col + across)])] += np.uint16(1)
    restored = maps.copy()
    flat = restored.reshape(-1)
    for j in range(len(flat)):
        if flat[j]:
            best = 0
            for label in range(1, NUM_LABELS):
                if votes[j * NUM_LABELS + label] > best:
                    best = votes[j * NUM_LABELS + label]
                    flat[j] = label
    return restored
