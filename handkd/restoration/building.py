"""Building a patch dictionary on disk, piece by piece, resuming where an earlier run stopped."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from os import PathLike
from pathlib import Path

import numpy as np

from handkd.files import checksum_of, locked, naming, write_fully

from .dictionary import FILE, MAPS, DictionaryManifest, PatchDictionary
from .windows import check_maps


def build_dictionary(
    folder: str | PathLike,
    maps: Callable[[int], Iterable[np.ndarray]],
    source: dict,
    piece: int = 1024,
    progress: Callable[[int], object] = lambda maps: None,
) -> PatchDictionary:
    """Write label maps into a folder, in one pass, and open them as a dictionary.

    A killed run loses at most the piece that it was writing; the next one resumes from there. A finished dictionary is
    opened as it is.

    Args:
        folder: Folder of the dictionary.
        maps: Given a number, returns the source's maps from that one on: part maps of crops, each (H, W), uint8, 0
            background, 1..20 parts.
        source: Description of the source, by which it is recognised; valid JSON.
        piece: Number of maps that are written at once. Defaults to 1024.
        progress: Called with the number of maps of each piece that is written.

    Returns:
        The dictionary, mapped into memory.

    Raises:
        ValueError: If the folder holds a dictionary of another source or a damaged one, or a map is invalid; names it.
            Written pieces are kept.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder, wait=True):  # another process may be building the same
        manifest = _resume(folder, json.loads(json.dumps(source)))
        if manifest is None or not manifest.complete:
            _write(folder, manifest, maps, source, piece, progress)
    return PatchDictionary.load(folder)


def _resume(folder: Path, source: dict) -> DictionaryManifest | None:
    """Return the manifest in the folder, if any, and truncate the file of maps to its size."""
    if not (folder / FILE).exists():
        return None
    manifest = DictionaryManifest.read(folder)
    if manifest.source != source:
        raise ValueError(
            f'{folder} holds a dictionary of another source: it was {manifest.source!r}, is now {source!r}. '
            'Give the old one to resume, name another folder, or delete this one to build again'
        )
    path = folder / MAPS
    if path.is_file() and not path.is_symlink() and path.stat().st_size > manifest.bytes > 0:
        os.truncate(path, manifest.bytes)  # written, but the run ended before the manifest was
    whole = path.is_file() and path.stat().st_size == manifest.bytes > 0
    if not whole or checksum_of(path) != manifest.digest:
        raise ValueError(f'{path} is missing, truncated or changed since it was written: delete {folder}')
    return manifest


def _write(
    folder: Path,
    manifest: DictionaryManifest | None,
    maps: Callable[[int], Iterable[np.ndarray]],
    source: dict,
    piece: int,
    progress: Callable[[int], object],
) -> None:
    """Write the missing maps."""
    rest = _rest(folder, manifest, maps)
    with open(folder / MAPS, 'wb' if manifest is None else 'ab', buffering=0) as file:
        while pieces := list(islice(rest, piece)):
            number = 0 if manifest is None else manifest.maps
            stack = _stack(pieces, None if manifest is None else manifest.size, number)
            manifest = manifest or DictionaryManifest(source, list(stack.shape[1:]))
            data = stack.tobytes()
            write_fully(file, data)
            with naming(file.name):
                os.fsync(file.fileno())  # the manifest must not be written before the maps that it counts
            manifest.maps += len(stack)
            manifest.patches += int(np.count_nonzero(stack))
            manifest.digest = zlib.crc32(data, manifest.digest)
            manifest.write(folder)
            progress(len(stack))
    if manifest is None or manifest.patches == 0:
        raise ValueError(f'{folder}: the source {source!r} has no label map with a hand pixel')
    manifest.complete = True
    manifest.write(folder)


def _rest(
    folder: Path, manifest: DictionaryManifest | None, maps: Callable[[int], Iterable[np.ndarray]]
) -> Iterator[np.ndarray]:
    """Return the maps still to be written, after checking that the last written one is still the source's."""
    if manifest is None:
        return iter(maps(0))
    rest = iter(maps(manifest.maps - 1))
    size = manifest.size[0] * manifest.size[1]
    last = np.fromfile(folder / MAPS, np.uint8, size, offset=manifest.bytes - size).reshape(manifest.size)
    again = next(rest, None)
    if again is None or not np.array_equal(again, last):
        raise ValueError(
            f'{folder}: map {manifest.maps - 1} of the source differs from the written one: the source has changed, '
            f'or does not start at the requested map; delete {folder} to build again'
        )
    return rest


def _stack(maps: list[np.ndarray], size: list[int] | None, number: int) -> np.ndarray:
    """Return maps as one array (N, H, W), each checked; ``number`` is that of the first map."""
    size = tuple(size or np.shape(maps[0]))
    for i, label_map in enumerate(maps):
        where = f'map {number + i} of the source'
        if np.shape(label_map) != size:
            raise ValueError(f'{where}: expected the size {size} of the first map, found {np.shape(label_map)}')
        check_maps(np.asarray(label_map)[None], where)
    return np.stack(maps)
