"""The patch dictionary of Neverova et al. (2017), section 3.2: label maps, of which every hand pixel is a patch."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from os import PathLike
from pathlib import Path

import numpy as np

from handkd.files import checksum_of, write_atomically
from handkd.reading import read_json, reading, shown

from .windows import bit_rows, check_maps

FILE = 'dictionary.json'
MAPS = 'maps.u8'
VERSION = 1


@dataclass
class DictionaryManifest:
    """The content of ``dictionary.json``.

    Attributes:
        source: Source of the maps: a data set's config, its length; valid JSON.
        size: Height and width of a map in px.
        maps: Number of maps written.
        patches: Number of their patches.
        digest: CRC-32 of the written maps.
        complete: Whether these are all maps of the source.
    """

    source: dict
    size: list[int]
    maps: int = 0
    patches: int = 0
    digest: int = 0
    complete: bool = False

    @property
    def bytes(self) -> int:
        """Size of the file of maps in bytes."""
        return self.maps * self.size[0] * self.size[1]

    def write(self, folder: Path) -> None:
        """Write ``dictionary.json`` atomically."""
        write_atomically(folder / FILE, json.dumps(dict(version=VERSION, **asdict(self)), indent=1).encode() + b'\n')

    @classmethod
    def read(cls, folder: Path) -> DictionaryManifest:
        """Read ``dictionary.json``.

        Raises:
            ValueError: If it is damaged or of another version.
        """
        path = folder / FILE
        manifest = cls(**read_state(path, VERSION, {item.name for item in fields(cls)}))
        for key in ('maps', 'patches', 'digest'):
            check_count(path, key, getattr(manifest, key))
        if not isinstance(manifest.size, list) or len(manifest.size) != 2:
            raise ValueError(f"{path}: 'size' must be height and width, found {shown(manifest.size)}")
        for edge in manifest.size:
            check_count(path, 'size', edge)
        return manifest


def check_count(path: Path, key: str, value: object) -> None:
    """Raise a ValueError if a value of a JSON file is not a non-negative integer."""
    if type(value) is not int or not 0 <= value < 1 << 40:
        raise ValueError(f'{path}: {key!r} must be a whole number from 0 on, found {shown(value)}')


class PatchDictionary:
    """All 27 x 27 patches around the hand pixels of some label maps.

    Patches are identified by their addresses, see :mod:`~.windows`. On disk a dictionary takes H * W bytes per map,
    some 4 bytes per patch; in memory also the maps as bits.

    Args:
        maps: Part maps of crops, shape (N, H, W), uint8: 0 background, 1..20 parts.
        digest: Checksum of the maps, by which an index identifies them. Defaults to None: they are not in a file.

    Raises:
        ValueError: If the maps have another type, shape or labels, or no hand pixel.
    """

    def __init__(self, maps: np.ndarray, digest: int | None = None) -> None:
        check_maps(maps, 'dictionary')
        self.maps = np.asarray(maps).view()  # numba does not support memmap
        self.maps.flags.writeable = False  # one compiled form of each kernel, whether in a file or not
        self.digest = digest
        self._ends = np.cumsum([np.count_nonzero(label_map) for label_map in self.maps], dtype=np.int64)
        if self.num_patches == 0:
            raise ValueError(f'dictionary: none of its {len(maps)} maps has a hand pixel')

    @property
    def num_patches(self) -> int:
        """Number of patches."""
        return int(self._ends[-1]) if len(self._ends) else 0

    @property
    def width(self) -> int:
        """Width of a map in px."""
        return self.maps.shape[2]

    @cached_property
    def rows(self) -> np.ndarray:
        """The maps as bits, see :func:`~.windows.bit_rows`; 2,960 bytes per map of 48 x 48 px."""
        return bit_rows(self.maps)

    def sample(self, count: int, seed: int = 0) -> np.ndarray:
        """Return the addresses of some patches, drawn uniformly without replacement, ascending.

        Args:
            count: Number of patches; all of them if there are fewer.
            seed: Seed of the drawing. Defaults to 0.

        Returns:
            Shape (count,), int64.
        """
        ranks = np.random.default_rng(seed).choice(self.num_patches, min(count, self.num_patches), replace=False)
        ranks.sort()
        owners = np.searchsorted(self._ends, ranks, side='right')
        patches = np.empty(len(ranks), np.int64)
        for owner in np.unique(owners):
            mine = slice(*np.searchsorted(owners, [owner, owner + 1]))
            before = self._ends[owner - 1] if owner else 0
            patches[mine] = np.flatnonzero(self.maps[owner])[ranks[mine] - before] + owner * self.maps[owner].size
        return patches

    @classmethod
    def load(cls, folder: str | PathLike) -> PatchDictionary:
        """Open a finished dictionary; its maps are mapped into memory.

        Raises:
            FileNotFoundError: If it is missing.
            ValueError: If it is unfinished or damaged.
        """
        folder = Path(folder)
        if not (folder / FILE).is_file():
            raise FileNotFoundError(f'no {FILE} in {str(folder)!r}: build a dictionary in this folder first')
        manifest = DictionaryManifest.read(folder)
        if not manifest.complete:
            raise ValueError(
                f'{folder}: the dictionary is unfinished, {manifest.maps} maps are written: build it again with the '
                'same source to finish it'
            )
        check_file(folder / MAPS, manifest.bytes, manifest.digest)
        with reading(folder / MAPS):
            maps = np.memmap(folder / MAPS, np.uint8, 'r', shape=(manifest.maps, *manifest.size))
        return cls(maps, manifest.digest)


def read_state(path: Path, version: int, keys: set[str]) -> dict:
    """Return the content of a JSON file that describes the files beside it, without its version.

    Raises:
        ValueError: If it is damaged, of another version, or has other keys.
    """
    try:
        content = read_json(path)
        found = content.pop('version')
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise ValueError(f'{path} is damaged ({error}): delete it and build again') from error
    if found != version:
        raise ValueError(f'{path}: version {found!r}, this handkd reads {version}: delete it and build again')
    if content.keys() != keys:
        raise ValueError(f'{path}: expected the keys {sorted(keys)}, found {sorted(content)}')
    return content


def check_file(path: Path, size: int, checksum: int) -> None:
    """Raise a ValueError if a file is missing, has another size, or its content has changed."""
    found = path.stat().st_size if path.is_file() else None
    if found != size:
        raise ValueError(f'{path}: expected {size} bytes, found {"no file" if found is None else found}')
    if checksum_of(path) != checksum:
        raise ValueError(f'{path}: its content has changed since it was written (checksum)')
