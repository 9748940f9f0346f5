"""The index of a dictionary: FAISS's inverted lists of quantised vectors, built in pieces that survive a kill."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path

import faiss
import numpy as np

from handkd.array_files import read_npz
from handkd.files import checksum_of, locked, write_atomically
from handkd.reading import check_name, reading, shown

from .dictionary import PatchDictionary, check_count, check_file, read_state
from .embedding import GRID, SubgridPCA
from .index_files import new_index, read_index, write_index
from .search import ExactSearch, IndexedSearch
from .windows import NUM_LABELS, hand_pixels

FILE = 'index.json'
VERSION = 2
EXACT_BELOW = 8192
"""Dictionaries with fewer patches are searched exactly: an index of so few is less accurate and no faster."""
_LEAST_A_LIST = 39
"""Minimum number of vectors per list that FAISS needs for finding the lists."""
_QUERY_BY_QUERY = 11
"""FAISS's number of a search implementation that took a fifth less time than its default, list by list."""
_MADE_BY = ('lists', 'components', 'pca_sample', 'list_sample', 'seed')
"""Settings that decide the content of an index."""
_ADDED_AT_ONCE = 512
"""Number of maps whose vectors are made and added together: some 300,000 vectors, 80 MB."""


@dataclass(frozen=True)
class IndexSettings:
    """Settings of an index.

    Attributes:
        lists: Number of inverted lists; None means the power of two nearest to four times the root of the number of
            patches.
        components: Length of the vectors; a multiple of 2.
        pca_sample: Number of patches for the principal components.
        list_sample: Number of patches per list for the lists and the quantiser.
        checkpoint: Number of maps after which the index is saved.
        seed: Seed of drawing the patches.

    Raises:
        ValueError: If a number is out of range.
    """

    lists: int | None = None
    components: int = 64
    pca_sample: int = 20000
    list_sample: int = 64
    checkpoint: int = 8192
    seed: int = 0

    def __post_init__(self) -> None:
        numbers = (self.pca_sample, self.list_sample, self.checkpoint, 1 if self.lists is None else self.lists)
        if min(numbers) < 1 or self.components % 2 or not 2 <= self.components <= GRID * GRID * NUM_LABELS:
            raise ValueError(
                'an index needs an even number of components, and samples, lists and checkpoint of at least 1; '
                f'found {self}'
            )

    def lists_for(self, patches: int) -> int:
        """Return the number of lists for a dictionary."""
        usual, most = round(np.log2(4 * np.sqrt(patches))), int(np.log2(patches / _LEAST_A_LIST))
        return self.lists or 2 ** min(usual, most)


def open_search(
    folder: str | PathLike,
    settings: IndexSettings | None = None,
    probes: int = 16,
    rerank: int = 200,
    progress: Callable[[int], object] = lambda maps: None,
) -> ExactSearch | IndexedSearch:
    """Open the dictionary in a folder for searching; its index is built if it is missing or unfinished.

    Args:
        folder: Folder of the dictionary (:func:`~.building.build_dictionary`) and of the index.
        settings: Settings of the index. Defaults to None: those of the existing one, or without one the defaults of
            :class:`IndexSettings`.
        probes: See :class:`~.search.IndexedSearch`. Defaults to 16.
        rerank: See :class:`~.search.IndexedSearch`. Defaults to 200.
        progress: Called with the number of maps of each piece that is added to the index.

    Returns:
        The exact search if the dictionary has fewer than :data:`EXACT_BELOW` patches.

    Raises:
        FileNotFoundError: If the dictionary is missing.
        ValueError: If it, or the index, is damaged, or the index has other settings or other maps.
    """
    folder = Path(folder)
    dictionary = PatchDictionary.load(folder)
    if dictionary.num_patches < EXACT_BELOW:
        return ExactSearch(dictionary)
    embedding, index = _Building(folder, dictionary, settings or _settings_in(folder)).run(progress)
    return IndexedSearch(dictionary, embedding, index, probes, rerank, str(folder))


def _settings_in(folder: Path) -> IndexSettings:
    """Return the settings of the index in a folder; the defaults if there is none."""
    if not (folder / FILE).exists():
        return IndexSettings()
    path = folder / FILE
    made_from = _read_state(path)['made_from']
    try:
        return IndexSettings(**{key: made_from[key] for key in _MADE_BY})
    except ValueError as error:
        raise ValueError(f"{path}, 'made_from': {error}") from error


def _read_state(path: Path) -> dict:
    """Return the content of ``index.json``."""
    state = read_state(path, VERSION, {'made_from', 'maps', 'files'})
    made_from, keys = state['made_from'], {'dictionary', *_MADE_BY}
    if not isinstance(made_from, dict) or made_from.keys() != keys:
        raise ValueError(f"{path}: 'made_from' must have {sorted(keys)}, found {shown(made_from)}")
    for key, value in dict(made_from, maps=state['maps']).items():
        check_count(path, key, value)
    return state


class _Building:
    """Makes an index, reads it, or resumes making it.

    ``index.json`` names the two files that belong together: the components, and the index in its present state.
    """

    def __init__(self, folder: Path, dictionary: PatchDictionary, settings: IndexSettings) -> None:
        self.folder, self.dictionary, self.settings = folder, dictionary, settings
        self.made_from = dict(
            dictionary=dictionary.digest,
            lists=settings.lists_for(dictionary.num_patches),
        ) | {key: asdict(settings)[key] for key in _MADE_BY if key != 'lists'}

    def run(self, progress: Callable[[int], object]) -> tuple[SubgridPCA, faiss.Index]:
        """Return the components and the finished index."""
        state = self._state()
        if state is None or state['maps'] < len(self.dictionary.maps):
            with locked(self.folder, wait=True):  # another process may be making the same
                self._add_rest(self._state() or self._train(), progress)
            state = self._state()
        return self._read(state)

    def _state(self) -> dict | None:
        """Return the content of ``index.json`` if it exists; its settings must be these."""
        path = self.folder / FILE
        if not path.exists():
            return None
        state = _read_state(path)
        if state['made_from'] != self.made_from:
            old, new = state['made_from'], self.made_from
            what = '; '.join(
                f'{key} was {old.get(key)!r}, is now {new[key]!r}' for key in new if old.get(key) != new[key]
            )
            raise ValueError(f'{path}: the index has other settings: {what}. Delete this file to make it again')
        return state

    def _train(self) -> dict:
        """Compute the components and the lists of an empty index, and save them."""
        settings, lists = self.settings, self.made_from['lists']
        drawn = self.dictionary.sample(settings.pca_sample, settings.seed)
        embedding = SubgridPCA.fit(self.dictionary.maps, drawn, settings.components)
        index = new_index(lists, settings.components)
        drawn = self.dictionary.sample(settings.list_sample * lists, settings.seed + 1)
        index.train(embedding(self.dictionary.maps, drawn))
        content = io.BytesIO()
        np.savez(content, kernel=embedding.kernel, bias=embedding.bias)
        write_atomically(self.folder / 'components.npz', content.getvalue())
        return self._save(index, 0)

    def _add_rest(self, state: dict, progress: Callable[[int], object]) -> None:
        """Add the patches of the maps that are not yet in the index."""
        embedding, index = self._read(state)
        maps, done = self.dictionary.maps, state['maps']
        saved = done
        while done < len(maps):
            piece = maps[done : done + _ADDED_AT_ONCE]
            pixels = hand_pixels(piece)
            index.add_with_ids(embedding(piece, pixels), pixels + done * piece[0].size)
            done += len(piece)
            if done - saved >= self.settings.checkpoint or done == len(maps):
                self._save(index, done)
                saved = done
            progress(len(piece))

    def _save(self, index: faiss.Index, maps: int) -> dict:
        """Write the index in its present state, then ``index.json``, and remove the previous index."""
        path = self.folder / f'index-{maps:08d}.npz'
        write_index(index, path)
        names = ('components.npz', path.name)
        files = {name: [(self.folder / name).stat().st_size, checksum_of(self.folder / name)] for name in names}
        state = dict(made_from=self.made_from, maps=maps, files=files)
        write_atomically(self.folder / FILE, json.dumps(dict(version=VERSION, **state), indent=1).encode() + b'\n')
        for other in self.folder.glob('index-*'):
            if other != path:
                other.unlink()
        return state

    def _read(self, state: dict) -> tuple[SubgridPCA, faiss.Index]:
        """Return the components and the index that ``index.json`` names."""
        with reading(self.folder / FILE, 'does not name two files, each with size and checksum'):
            files = [(name, int(size), int(checksum)) for name, (size, checksum) in state['files'].items()]
            (components, *_), (index, *_) = files
        for name, size, checksum in files:
            check_name(name, f'{self.folder / FILE}: a file of the index')
            check_file(self.folder / name, size, checksum)
        components, index = (self.folder / name for name in (components, index))
        embedding = self._read_components(components)
        index = read_index(index, self.made_from['lists'], self.settings.components, self.dictionary.maps.size)
        index.implem = _QUERY_BY_QUERY
        return embedding, index

    def _read_components(self, path: Path) -> SubgridPCA:
        """Return the components, after checking their shapes, which compiled code relies on."""
        arrays = read_npz(path, ['kernel', 'bias'])
        size = self.settings.components
        for name, shape in dict(kernel=(GRID * GRID, NUM_LABELS, size), bias=(size,)).items():
            if arrays[name].shape != shape or arrays[name].dtype != np.float32 or not np.isfinite(arrays[name]).all():
                raise ValueError(f'{path}: {name!r} must be finite float32 of shape {shape}')
        return SubgridPCA(**arrays)
