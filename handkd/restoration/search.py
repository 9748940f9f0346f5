"""Search for the patches of a dictionary that are nearest to those of a label map (Neverova et al. 2017, Eq. 1)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import faiss
import numpy as np

from .dictionary import PatchDictionary
from .embedding import SubgridPCA
from .windows import FAR, bit_rows, check_maps, nearest_among, nearest_of_all, read_windows

_SHARE = 1024
"""Queries that a thread takes at once."""


class Neighbours(NamedTuple):
    """Patches of a dictionary, nearest first; of those equally far the one with the lower address."""

    patches: np.ndarray
    """Addresses in the dictionary, shape (Q, k), int64."""
    distances: np.ndarray
    """Labels that differ, of 729, shape (Q, k), int32."""


class ExactSearch:
    """Compares with every patch: what any other search is measured by, and the one for small dictionaries.

    Args:
        dictionary: Where to search.
    """

    def __init__(self, dictionary: PatchDictionary) -> None:
        self.dictionary = dictionary

    def __call__(self, maps: np.ndarray, pixels: np.ndarray, count: int = 1) -> Neighbours:
        """Return the patches nearest to those around some pixels.

        Args:
            maps: Label maps, shape (B, H, W), uint8.
            pixels: Addresses in them, shape (Q,), int64.
            count: How many patches for each; all there are, if these are fewer. Defaults to 1.

        Raises:
            ValueError: If the maps have another type, shape or labels.
        """
        windows = _windows(maps, pixels)
        there = self.dictionary
        rows, most = there.rows, min(count, there.num_patches)
        return _in_threads(lambda share: nearest_of_all(windows[share], rows, there.maps, most), len(windows))


class IndexedSearch:
    """Asks an index of short vectors for likely patches, and compares with those.

    More patches compared help more than more lists: of 2 million patches 8 lists and 200 patches found one as near as
    the nearest for 71 % of the queries, 16 and 100 for 67 %, 16 and 200 for 74 %, 16 and 400 for 79 % in nearly
    twice the time. There are as many threads as FAISS takes (``OMP_NUM_THREADS``). FAISS's own do not outlive a fork:
    a worker process opens its own search, or is started afresh.

    Args:
        dictionary: Where to search.
        embedding: Makes the vectors.
        index: The vectors of all patches under their addresses, a FAISS index of inverted lists.
        probes: Lists that are looked through. Defaults to 16.
        rerank: Patches that are compared. Defaults to 200.

    Raises:
        ValueError: If the index does not hold the dictionary's patches, or a number is below 1.
    """

    def __init__(
        self,
        dictionary: PatchDictionary,
        embedding: SubgridPCA,
        index: faiss.Index,
        probes: int = 16,
        rerank: int = 200,
    ) -> None:
        if probes < 1 or rerank < 1:
            raise ValueError(f'a search needs probes >= 1 and rerank >= 1, found {probes} and {rerank}')
        if index.ntotal != dictionary.num_patches:
            raise ValueError(f'the index holds {index.ntotal} patches, the dictionary {dictionary.num_patches}')
        self.dictionary, self.embedding, self.index, self.rerank = dictionary, embedding, index, rerank
        index.nprobe = probes

    def __call__(self, maps: np.ndarray, pixels: np.ndarray, count: int = 1) -> Neighbours:
        """Return patches near to those around some pixels; arguments and result are :class:`ExactSearch`'s.

        Raises:
            ValueError: If the maps have another type, shape or labels, or ``count`` is above ``rerank``.
            RuntimeError: If the lists that were looked through are all empty.
        """
        if count > self.rerank:
            raise ValueError(f'{count} patches are asked for, but only rerank={self.rerank} are compared')
        windows = _windows(maps, pixels)
        if len(pixels) == 0:
            return Neighbours(np.empty((0, count), np.int64), np.empty((0, count), np.int32))
        _, patches = self.index.search(self.embedding(maps, pixels), self.rerank)
        rows, width = self.dictionary.rows, self.dictionary.width
        found = _in_threads(
            lambda share: nearest_among(windows[share], rows, width, patches[share], count), len(windows)
        )
        missing = found.distances == FAR
        if missing[:, 0].any():
            raise RuntimeError(f'{missing[:, 0].sum()} patches found none at all; search with more probes')
        # Fewer than asked for lie in the lists: the nearest stands in for the rest.
        return Neighbours(*(np.where(missing, values[:, :1], values) for values in found))


class SearchQuality(NamedTuple):
    """How good a search is, by the distances of what it finds."""

    recall: float
    """Share of queries for which the found patch is as near as the nearest one, be it that one or another."""
    ratio: float
    """Mean distance of the found patches over that of the nearest ones; 1 if both are 0."""
    queries: int
    """How many queries were made."""


def measure_search(
    search: IndexedSearch, maps: np.ndarray, pixels: np.ndarray, report: Callable[[str], object] = print
) -> SearchQuality:
    """Compare a search with the exact one over the same dictionary, and print how good it is.

    Distances are compared, not addresses: often several patches are equally near, and any of them is as good.

    Args:
        search: The search.
        maps: Label maps to search for, shape (B, H, W), uint8: of hands that the dictionary does not have.
        pixels: Addresses in them, shape (Q,), int64.
        report: Gets the line that says it.

    Raises:
        ValueError: If there is no pixel.
    """
    if len(pixels) == 0:
        raise ValueError('a search can not be measured without queries')
    found, truth = (s(maps, pixels).distances[:, 0] for s in (search, ExactSearch(search.dictionary)))
    ratio = found.mean() / truth.mean() if truth.any() else 1.0 if not found.any() else np.inf
    quality = SearchQuality(float((found == truth).mean()), float(ratio), len(pixels))
    report(
        f'{search.dictionary.num_patches} patches, {quality.queries} queries: recall@1 {quality.recall:.3f}, '
        f'mean distance {found.mean():.1f} against {truth.mean():.1f} of the nearest (ratio {quality.ratio:.3f})'
    )
    return quality


def _in_threads(find: Callable[[slice], tuple[np.ndarray, np.ndarray]], queries: int) -> Neighbours:
    """Find the neighbours of queries share by share, in as many threads as FAISS takes (``OMP_NUM_THREADS``)."""
    threads = faiss.omp_get_max_threads()
    share = max(1, min(_SHARE, -(-queries // threads)))
    with ThreadPoolExecutor(threads) as pool:  # none outlives the call, nor has to outlive a fork
        found = list(pool.map(find, (slice(start, start + share) for start in range(0, max(queries, 1), share))))
    return Neighbours(*(np.concatenate(values) for values in zip(*found)))


def _windows(maps: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Return the patches around some pixels as bits, (Q, 5, 27)."""
    check_maps(maps, 'maps to restore')
    return read_windows(bit_rows(maps), maps.shape[2], pixels)
