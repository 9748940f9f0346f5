"""Index of a data set's samples: columns in files, memory-mapped and shared by all processes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import numpy as np

from handkd.array_files import ArrayFileError, read_npy
from handkd.files import cache_root, locked

from .code_files import code_files


class Index(Mapping):
    """Named arrays in a folder of ``.npy`` files, memory-mapped read-only.

    The operating system keeps one copy of the pages in use for all processes, and drops it when memory is short. A
    worker gets the folder's name, never the arrays.

    Args:
        folder: The folder.
    """

    def __init__(self, folder: str | os.PathLike) -> None:
        self.folder = Path(folder)
        # Plain arrays on the mapped memory: numpy's class for it makes each access several times as slow.
        self._columns = {
            path.stem: np.asarray(read_npy(path, mapped=True)) for path in sorted(self.folder.glob('*.npy'))
        }

    def __getitem__(self, name: str) -> np.ndarray:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def __reduce__(self) -> tuple:
        return Index, (self.folder,)


def open_index(
    reader: type,
    settings: Mapping[str, object],
    sources: Iterable[Path],
    build: Callable[[Path], Mapping[str, np.ndarray]],
) -> Index:
    """Open a cached index; build it on first use, in one process at a time.

    It is stored in :func:`handkd.files.cache_root`. Other settings have another index; a change of a source file
    (size, time), of a source folder (files added or removed), of a file that the columns :func:`watch` or of the code
    that makes them (:func:`~.code_files.code_files`) replaces it.

    Args:
        reader: The data set's class.
        settings: All other settings that determine the content; must be JSON.
        sources: Files and folders that the index is built from, which must exist.
        build: Takes a folder for intermediate results, and returns the columns by name, shape (N, ...), any unit and
            frame. The folder is that of the next attempt too if this one is interrupted, and is removed in the end.

    Raises:
        OSError: If the cache can't be written; names the variable that selects another place.
    """
    name, who = reader.__name__, _digest(json.dumps(settings, sort_keys=True))
    stats = [(str(path), path.stat()) for path in sources]
    what = _digest(_code_digest(reader) + json.dumps([(path, s.st_mtime_ns, s.st_size) for path, s in stats]))
    folder = cache_root() / 'index' / f'{name}-{who}-{what}'
    scratch = cache_root() / 'scans' / folder.name
    if folder.is_dir() and not _is_current(folder):
        shutil.rmtree(folder, ignore_errors=True)
    if not folder.is_dir():
        with _alone(scratch):
            if not folder.is_dir():  # made by another process meanwhile
                _write(folder, build(scratch))
            for old in (*folder.parent.glob(f'{name}-{who}-*'), *scratch.parent.glob(f'{name}-{who}-*')):
                if old != folder:
                    shutil.rmtree(old, ignore_errors=True)
    return Index(folder)


@contextmanager
def _alone(scratch: Path) -> Iterator[None]:
    """Make a folder and wait until no other process works in it; proceed anyway where the disk has no locks."""
    with ExitStack() as stack:
        with suppress(OSError):  # a cache that can't be written is named when the index is written
            scratch.mkdir(parents=True, exist_ok=True)
            stack.enter_context(locked(scratch, wait=True))
        try:
            yield
        finally:
            with suppress(OSError):  # it has results
                scratch.rmdir()


def watch(files: Iterable[str]) -> dict[str, np.ndarray]:
    """Return columns that make an index obsolete when one of some files, which are not its sources, has changed.

    Args:
        files: Paths. Each is examined whenever the index is opened: they should be few.
    """
    files = list(files)
    return {'watched': np.array(files, str), 'watched_stats': _file_stats(files)}


def _file_stats(files: Iterable[str]) -> np.ndarray:
    """Return time and size of files, shape (N, 2), int64; -1 for missing ones."""
    stats = []
    for file in files:
        try:
            found = os.stat(file)
            stats.append((found.st_mtime_ns, found.st_size))
        except OSError:
            stats.append((-1, -1))
    return np.array(stats, np.int64).reshape(-1, 2)


def _is_current(folder: Path) -> bool:
    """Whether an index is complete, and the files that it watches are unchanged."""
    try:
        index = Index(folder)
    except ArrayFileError:
        return False
    return 'watched' not in index or np.array_equal(_file_stats(index['watched'].tolist()), index['watched_stats'])


def _code_digest(reader: type) -> str:
    """Return a digest of the code that decides an index."""
    return _digest(''.join(path.read_text(encoding='utf-8') for path in code_files(reader)))


def _write(folder: Path, columns: Mapping[str, np.ndarray]) -> None:
    """Write the columns atomically: the folder is complete or missing."""
    temporary = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(folder.parent)
        temporary = Path(tempfile.mkdtemp(prefix=f'.{folder.name}.', dir=folder.parent))
        for name, column in columns.items():
            np.save(temporary / f'{name}.npy', column, allow_pickle=False)
        os.replace(temporary, folder)
    except OSError as error:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
        if folder.is_dir():
            return  # another process was faster
        raise OSError(
            error.errno,
            f'{error.strerror or error}: the index of a data set could not be written; free some space, or set '
            'XDG_CACHE_HOME to a folder that can be written',
            str(folder),
        ) from error


def _remove_leftovers(folder: Path) -> None:
    """Remove unfinished folders of killed processes: those older than an hour."""
    for path in folder.glob('.*-*-*.*'):
        if path.is_dir() and time.time() - path.stat().st_mtime > 3600:
            shutil.rmtree(path, ignore_errors=True)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
