"""Embedding of patches whose distances approximate the Hamming distance: PCA of the one-hot labels on a subgrid."""

from __future__ import annotations

import numpy as np
import scipy.linalg

from handkd.compiling import njit

from .windows import NUM_LABELS, RADIUS

GRID = 9
"""Side of the subgrid, every third pixel of a patch: 12 px to either side of its centre."""
STEP = 3
_CELLS = GRID * GRID
_PIECE = 4096
"""Patches in one one-hot array, 28 MB."""
_JIT = dict(cache=True, nogil=True, error_model='numpy')
_U = np.uint64


class SubgridPCA:
    """Principal components of the one-hot labels on a patch's subgrid.

    The squared distance of two one-hot vectors is twice the Hamming distance of the labels. For all pixels of a map
    the projection is a convolution of the one-hot map, 9 x 9 with dilation 3; as each one-hot vector selects one row of
    the kernel, and the background's row can be subtracted, only the kernel rows of a patch's hand pixels are summed.

    Args:
        kernel: Contribution of a label at each place of the subgrid, shape (81, 21, D), float32; 0 for the background.
        bias: Vector of a patch of background alone, shape (D,), float32.
    """

    def __init__(self, kernel: np.ndarray, bias: np.ndarray) -> None:
        self.kernel = np.ascontiguousarray(kernel, np.float32)
        self.bias = np.ascontiguousarray(bias, np.float32)

    @classmethod
    def fit(cls, maps: np.ndarray, patches: np.ndarray, components: int = 64) -> SubgridPCA:
        """Return the principal components of some patches with the largest variance.

        Args:
            maps: Part maps of the image, shape (N, H, W), uint8.
            patches: Addresses, shape (Q,), int64.
            components: Number D of components. Defaults to 64.
        """
        size = _CELLS * NUM_LABELS
        products, total = np.zeros((size, size)), np.zeros(size)
        for start in range(0, len(patches), _PIECE):
            labels = subgrid_labels(maps, patches[start : start + _PIECE])
            one_hot = np.zeros((len(labels), _CELLS, NUM_LABELS), np.float32)
            np.put_along_axis(one_hot, labels[..., None].astype(np.int64), 1, 2)
            one_hot = one_hot.reshape(len(labels), size)
            products += one_hot.T @ one_hot
            total += one_hot.sum(0)
        mean = total / len(patches)
        covariance = products / len(patches) - np.outer(mean, mean)
        _, vectors = scipy.linalg.eigh(covariance, subset_by_index=[size - components, size - 1])
        vectors = vectors[:, ::-1]
        largest = vectors[np.abs(vectors).argmax(0), np.arange(components)]
        vectors = vectors * np.sign(largest)  # the sign of an eigenvector is arbitrary: fix it
        kernel = vectors.reshape(_CELLS, NUM_LABELS, components)
        return cls(kernel - kernel[:, :1], kernel[:, 0].sum(0) - mean @ vectors)

    def __call__(self, maps: np.ndarray, patches: np.ndarray) -> np.ndarray:
        """Return the vectors of patches.

        Args:
            maps: Part maps of the image, shape (N, H, W), uint8.
            patches: Addresses, shape (Q,), int64.

        Returns:
            Shape (Q, D), float32.
        """
        return _embed(maps, patches, self.kernel, self.bias)


@njit(**_JIT)
def subgrid_labels(maps: np.ndarray, patches: np.ndarray) -> np.ndarray:
    """Return the labels on the subgrids of patches.

    Args:
        maps: Part maps of the image, shape (N, H, W), uint8.
        patches: Addresses, shape (Q,), int64.

    Returns:
        Row by row, shape (Q, 81), uint8.
    """
    _, height, width = maps.shape
    labels = np.zeros((len(patches), _CELLS), np.uint8)
    for i in range(len(patches)):
        row, col = patches[i] % (height * width) // width, patches[i] % width
        label_map = maps[patches[i] // (height * width)]
        for cell in range(_CELLS):
            y = row + cell // GRID * STEP - RADIUS + 1
            x = col + cell % GRID * STEP - RADIUS + 1
            if 0 <= y < height and 0 <= x < width:
                labels[i, cell] = label_map[y, x]
    return labels


@njit(**_JIT)
def _embed(maps: np.ndarray, patches: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Return the vectors of patches; see :class:`SubgridPCA`."""
    labels = subgrid_labels(maps, patches)
    vectors = np.empty((len(patches), len(bias)), np.float32)
    for i in range(len(patches)):
        vector = vectors[i]
        vector[:] = bias
        for cell in range(_CELLS):
            if labels[i, cell]:
                added = kernel[_U(cell), _U(labels[i, cell])]
                for d in range(_U(len(bias))):
                    vector[d] += added[d]
    return vectors
