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
    """Return label maps in which each hand pixel has the label that most patches around it put there (Eq. 2).

    The patch of a pixel lies centred on it; those of all pixels in a W x W window around pixel j cover j and vote. Only
    pixels that are not background get a new label, and never the background: patches that say so don't vote. Of labels
    with as many votes the lowest wins. With W = 1 each pixel takes the label of its own patch's centre, which is
    the paper's variant without integration. A pixel for which nobody votes keeps its label; that happens only if not
    all hand pixels have a patch.

    Args:
        maps: The maps to restore, shape (B, H, W), uint8.
        pixels: Addresses of the pixels that have a patch, shape (Q,), int64.
        dictionary_maps: The dictionary's maps, shape (N, h, w), uint8.
        patches: The address of each one's patch in the dictionary, shape (Q,), int64.
        window: Side of the window in px, W. Defaults to 17: the paper's.

    Returns:
        Shape (B, H, W), uint8.

    Raises:
        ValueError: If the window is even or larger than a patch, or there is not one patch a pixel.
    """
    check_window(window)
    if len(pixels) != len(patches):
        raise ValueError(f'expected one patch a pixel, found {len(patches)} for {len(pixels)} pixels')
    return _vote(maps, pixels, dictionary_maps, patches, window // 2)


def check_window(window: int) -> None:
    """Raise a ValueError unless a window of voting is odd and no larger than a patch."""
    if window % 2 != 1 or not 1 <= window <= PATCH:
        raise ValueError(f'the window of voting must be odd, from 1 to {PATCH} px, found {window}')


@njit(**_JIT)
def _vote(
    maps: np.ndarray, pixels: np.ndarray, dictionary_maps: np.ndarray, patches: np.ndarray, radius: int
) -> np.ndarray:
    """See :func:`vote`."""
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
