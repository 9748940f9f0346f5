"""The file of an index: arrays from which FAISS's index is rebuilt; FAISS's own reader trusts sizes in its files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import faiss
import numpy as np

from handkd.array_files import read_npz
from handkd.files import naming

_GRAPH_FROM = 16384
"""From this number of lists on, the nearest ones are found through a graph."""
_CODES = 16
"""Number of values of a code of 4 bits, for each two components."""


def new_index(lists: int, components: int) -> faiss.Index:
    """Return an untrained index: inverted lists of codes.

    Args:
        lists: Number of lists.
        components: Length of the vectors.
    """
    graph = '_HNSW32' if lists >= _GRAPH_FROM else ''
    return faiss.index_factory(components, f'IVF{lists}{graph},PQ{components // 2}x4fs')


def write_index(index: faiss.Index, path: Path) -> None:
    """Write an index atomically.

    Args:
        index: A trained index of :func:`new_index`.
        path: A ``.npz`` file.

    Raises:
        OSError: If it can't be written; names the path.
    """
    stored, temporary = _Lists(index), path.with_suffix('.new')
    sizes = np.array([stored.size(number) for number in range(index.nlist)], np.int64)
    centres = faiss.downcast_index(index.quantizer).reconstruct_n(0, index.nlist)
    try:
        with naming(path), open(temporary, 'wb') as file:
            np.savez(
                file,
                centres=centres,
                codebook=faiss.vector_to_array(index.pq.centroids),
                sizes=sizes,
                ids=np.concatenate([ids for ids, _ in stored]),
                codes=np.concatenate([codes for _, codes in stored]),
            )
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def read_index(path: Path, lists: int, components: int, end: int) -> faiss.Index:
    """Read an index that :func:`write_index` has written.

    Args:
        path: The file.
        lists: Expected number of lists.
        components: Expected length of the vectors.
        end: Upper bound of the patches' addresses, exclusive.

    Raises:
        ValueError: If it is damaged, or has another form; names it.
    """
    arrays = read_npz(path, ['centres', 'codebook', 'sizes', 'ids', 'codes'])
    shapes = dict(
        centres=(np.float32, (lists, components)),
        codebook=(np.float32, (_CODES * components,)),
        sizes=(np.int64, (lists,)),
        ids=(np.int64, (arrays['ids'].size,)),
        codes=(np.uint8, (arrays['codes'].size,)),
    )
    for name, (kind, shape) in shapes.items():
        if arrays[name].dtype != kind or arrays[name].shape != shape:
            found = f'{arrays[name].dtype} {arrays[name].shape}'
            raise ValueError(f'{path}: {name!r} is {found}, expected {np.dtype(kind)} {shape}')
    sizes, ids = arrays['sizes'], arrays['ids']
    if not all(np.isfinite(arrays[name]).all() for name in ('centres', 'codebook')):
        raise ValueError(f'{path}: the centres and codes must be finite')
    if sizes.min() < 0 or sizes.max() > len(ids) or len(ids) and not 0 <= ids.min() <= ids.max() < end:
        raise ValueError(f'{path}: the lists must hold addresses of patches, from 0 on and below {end}')

    index = new_index(lists, components)
    lengths = _Lists(index).bytes_of(sizes)
    if sizes.sum() != len(ids) or lengths.sum() != len(arrays['codes']):
        raise ValueError(
            f'{path}: {len(ids)} addresses and {len(arrays["codes"])} bytes of codes do not match its list sizes'
        )
    _learn(index, arrays['centres'], arrays['codebook'])
    _Lists(index).fill(np.split(ids, sizes.cumsum()[:-1]), np.split(arrays['codes'], lengths.cumsum()[:-1]))
    return index


def _learn(index: faiss.Index, centres: np.ndarray, codebook: np.ndarray) -> None:
    """Restore the trained state of an index."""
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)  # several would make another graph each time
    try:
        index.quantizer.add(centres)
    finally:
        faiss.omp_set_num_threads(threads)
    faiss.copy_array_to_vector(codebook, index.pq.centroids)
    index.is_trained = True


class _Lists:
    """The lists of an index as arrays: for each the addresses, int64, and the codes in whole blocks, uint8."""

    def __init__(self, index: faiss.Index) -> None:
        self.index, self.lists = index, faiss.downcast_InvertedLists(index.invlists)

    def size(self, number: int) -> int:
        """Return the number of addresses in a list."""
        return self.lists.list_size(number)

    def bytes_of(self, sizes: int | np.ndarray) -> int | np.ndarray:
        """Return the number of bytes of codes in lists of given sizes."""
        return -(-sizes // self.lists.n_per_block) * self.lists.block_size

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for number in range(self.index.nlist):
            size = self.size(number)
            if size:
                ids = faiss.rev_swig_ptr(self.lists.get_ids(number), size)
                yield ids, faiss.rev_swig_ptr(self.lists.get_codes(number), self.bytes_of(size))
            else:  # NumPy can't concatenate an empty list of arrays
                yield np.empty(0, np.int64), np.empty(0, np.uint8)

    def fill(self, ids: list[np.ndarray], codes: list[np.ndarray]) -> None:
        """Fill the empty lists, with one array of addresses and one of codes per list."""
        for number, (own, coded) in enumerate(zip(ids, codes, strict=True)):
            if len(own):
                self.lists.resize(number, len(own))
                faiss.memcpy(self.lists.get_ids(number), faiss.swig_ptr(own), own.nbytes)
                faiss.memcpy(self.lists.get_codes(number), faiss.swig_ptr(coded), coded.nbytes)
        self.index.ntotal = sum(map(len, ids))
