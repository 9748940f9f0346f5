"""Search for the dictionary patches nearest to those of a label map (Neverova et al. 2017, Eq. 1)."""

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
"""Queries per thread and task."""


class Neighbours(NamedTuple):
    """Patches of a dictionary, nearest first, ties by the lower address."""

    patches: np.ndarray
    """Addresses in the dictionary, shape (Q, k), int64."""
    distances: np.ndarray
    """Number of labels that differ, of 729, shape (Q, k), int32."""


class ExactSearch:
    """Exhaustive search: the reference for any other search, and the one for small dictionaries.

    Args:
        dictionary: The dictionary.
    """

    def __init__(self, dictionary: PatchDictionary) -> None:
        self.dictionary = dictionary

    def __call__(self, maps: np.ndarray, pixels: np.ndarray, count: int = 1) -> Neighbours:
        """Return the patches nearest to those around some pixels.

        Args:
            maps: Part maps of the image, shape (B, H, W), uint8.
            pixels: Addresses in them, shape (Q,), int64.
            count: Number of patches per pixel, at most those of the dictionary. Defaults to 1.

        Raises:
            ValueError: If the maps have another type, shape or labels.
        """
        windows = _windows(maps, pixels)
        there = self.dictionary
        rows, most = there.rows, min(count, there.num_patches)
        return _in_threads(lambda share: nearest_of_all(windows[share], rows, there.maps, most), len(windows))


class IndexedSearch:
    """Approximate search: candidates from an index of embedding vectors, re-ranked by their exact distance.

    Comparing more patches helps more than searching more lists: of 2 million patches 8 lists and 200 patches found one
    as near as the nearest for 71 % of the queries, 16 and 100 for 67 %, 16 and 200 for 74 %, 16 and 400 for 79 % in
    nearly twice the time. There are as many threads as in FAISS (``OMP_NUM_THREADS``). FAISS's own threads do not
    survive a fork: a worker process must open its own search, or be spawned.

    Args:
        dictionary: The dictionary.
        embedding: Embedding of the patches.
        index: Vectors of all patches under their addresses, a FAISS index of inverted lists.
        probes: Lists that are searched. Defaults to 16.
        rerank: Patches that are compared exactly. Defaults to 200.
        name: The index in error messages. Defaults to 'the index'.

    Raises:
        ValueError: If the number of patches differs between index and dictionary, or a number is below 1.
    """

    def __init__(
        self,
        dictionary: PatchDictionary,
        embedding: SubgridPCA,
        index: faiss.Index,
        probes: int = 16,
        rerank: int = 200,
        name: str = 'the index',
    ) -> None:
        if probes < 1 or rerank < 1:
            raise ValueError(f'a search needs probes >= 1 and rerank >= 1, found {probes} and {rerank}')
        if index.ntotal != dictionary.num_patches:
            raise ValueError(f'the index holds {index.ntotal} patches, the dictionary {dictionary.num_patches}')
        self.dictionary, self.embedding, self.index, self.rerank = dictionary, embedding, index, rerank
        self.name = name
        index.nprobe = probes

    def __call__(self, maps: np.ndarray, pixels: np.ndarray, count: int = 1) -> Neighbours:
        """Return patches near to those around some pixels; arguments and result as in :class:`ExactSearch`.

        Raises:
            ValueError: If the maps have another type, shape or labels, ``count`` is above ``rerank``, or all searched
                lists are empty.
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
            raise ValueError(
                f'{self.name}: the searched lists are empty for {missing[:, 0].sum()} of {len(pixels)} patches; search '
                f'with more probes than {self.index.nprobe}, or delete the index, so that it is built again'
            )
        # If the lists hold fewer patches than requested, the nearest one is repeated.
        return Neighbours(*(np.where(missing, values[:, :1], values) for values in found))


class SearchQuality(NamedTuple):
    """Quality of a search, by the distances of the found patches."""

    recall: float
    """Share of queries for which the found patch is as near as the nearest one (which may be another patch)."""
    ratio: float
    """Mean distance of the found patches over that of the nearest ones; 1 if both are 0."""
    queries: int
    """Number of queries."""


def measure_search(
    search: IndexedSearch, maps: np.ndarray, pixels: np.ndarray, report: Callable[[str], object] = print
) -> SearchQuality:
    """Compare a search with the exact one over the same dictionary, and report its quality.

    Distances are compared, not addresses: often several patches are equally near, and any of them is equally good.

    Args:
        search: The search.
        maps: Part maps of the image to search for, shape (B, H, W), uint8: of hands that are not in the dictionary.
        pixels: Addresses in them, shape (Q,), int64.
        report: Called with one line of text; by default it is printed.

    Raises:
        ValueError: If there is no pixel.
    """
    if len(pixels) == 0:
        raise ValueError('a search cannot be measured without queries: the maps have no hand pixel')
    found, truth = (s(maps, pixels).distances[:, 0] for s in (search, ExactSearch(search.dictionary)))
    ratio = found.mean() / truth.mean() if truth.any() else 1.0 if not found.any() else np.inf
    quality = SearchQuality(float((found == truth).mean()), float(ratio), len(pixels))
    report(
        f'{search.dictionary.num_patches} patches, {quality.queries} queries: recall@1 {quality.recall:.3f}, '
        f'mean distance {found.mean():.1f} against {truth.mean():.1f} of the nearest (ratio {quality.ratio:.3f})'
    )
    return quality


def _in_threads(find: Callable[[slice], tuple[np.ndarray, np.ndarray]], queries: int) -> Neighbours:
    """Find the neighbours of queries in chunks, in as many threads as FAISS uses (``OMP_NUM_THREADS``)."""
    threads = faiss.omp_get_max_threads()
    share = max(1, min(_SHARE, -(-queries // threads)))
    with ThreadPoolExecutor(threads) as pool:  # no thread outlives the call, so none has to survive a fork
        found = list(pool.map(find, (slice(start, start + share) for start in range(0, max(queries, 1), share))))
    return Neighbours(*(np.concatenate(values) for values in zip(*found)))


def _windows(maps: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Return the patches around some pixels as bits, shape (Q, 5, 27), uint64."""
    check_maps(maps, 'maps to restore')
    return read_windows(bit_rows(maps), maps.shape[2], pixels)
