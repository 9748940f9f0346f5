"""Manifest of a teacher's cache: what it was made from, the form of its arrays, and the files that are finished."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

from handkd.files import checksum_of, write_atomically
from handkd.hints import ConfigError, one_line

from .structure import LeafForm, rebuild

FILE = 'manifest.json'
FORMAT = 1
"""Number of the format; a cache of another one is made again."""
VARIANTS = ('none', 'horizontal', 'vertical', 'diagonal')
"""Names of the mirrorings of which a cache may have one row each; 'diagonal' is both, as in MMPose."""
_MOST_NAMED = 3


@dataclass
class CacheManifest:
    """Contents of ``manifest.json``.

    Attributes:
        fingerprint: Description of teacher, layers and data, as plain data.
        length: Number of samples.
        variants: Mirrorings of each sample, of :data:`VARIANTS`; one row each.
        rows: Samples in a shard; the last one may have fewer.
        structures: Layer -> structure of its output (:func:`~.structure.flatten`), with numbers of ``leaves``.
        leaves: Forms of the stored tensors.
        files: Finished files: name -> [size in bytes, CRC-32, time of the last change in ns].
    """

    fingerprint: dict
    length: int
    variants: list[str]
    rows: int
    structures: dict[str, object]
    leaves: list[LeafForm]
    files: dict[str, list[int]] = field(default_factory=dict)

    @property
    def num_shards(self) -> int:
        """Number of shards."""
        return -(-self.length // self.rows)

    @property
    def row_bytes(self) -> int:
        """Size of all rows of a sample in bytes."""
        return len(self.variants) * sum(leaf.bytes for leaf in self.leaves)

    def names(self, shard: int) -> list[str]:
        """Return the names of a shard's files, one per tensor."""
        return [f'{shard:05d}_{leaf}.npy' for leaf in range(len(self.leaves))]

    def is_done(self, shard: int) -> bool:
        """Whether all files of a shard are finished."""
        return all(name in self.files for name in self.names(shard))

    def missing(self) -> list[int]:
        """Return the numbers of the shards that are not finished."""
        return [shard for shard in range(self.num_shards) if not self.is_done(shard)]

    def span(self, shard: int) -> range:
        """Return the samples of a shard."""
        return range(shard * self.rows, min((shard + 1) * self.rows, self.length))

    def record(self, folder: Path, name: str, checksum: int) -> None:
        """Note a finished file."""
        status = (folder / name).stat()
        self.files[name] = [status.st_size, checksum, status.st_mtime_ns]

    def write(self, folder: Path) -> None:
        """Write the manifest atomically.

        Raises:
            OSError: If it can't be written.
        """
        data = {**vars(self), 'leaves': [leaf.as_json() for leaf in self.leaves], 'format': FORMAT}
        write_atomically(folder / FILE, json.dumps(data, indent=1).encode())


def read_manifest(folder: str | PathLike) -> CacheManifest | None:
    """Read the manifest of a teacher's cache; None if there is none, or it has another format.

    Raises:
        ValueError: If it is damaged; names it and the remedy.
        OSError: If it can't be read.
    """
    path = Path(folder) / FILE
    if not path.is_file():
        return None
    try:
        data = json.loads(path.read_bytes())
        if data.pop('format') != FORMAT:
            return None
        manifest = CacheManifest(**dict(data, leaves=[LeafForm.from_json(leaf) for leaf in data['leaves']]))
        for structure in manifest.structures.values():
            rebuild(structure, manifest.leaves)
        if min(manifest.rows, manifest.length, len(manifest.variants)) < 1:
            raise ValueError('it has no rows')
        return manifest
    except OSError:
        raise
    except Exception as error:  # KeyError, TypeError, AttributeError, ... of any JSON
        raise ValueError(
            f'{path} is damaged ({type(error).__name__}: {one_line(error)[:120]}): delete the folder {folder}, which '
            'is then made again'
        ) from error


def digest_of_file(path: str | PathLike) -> str:
    """Return a digest of a file's content, 16 hexadecimal digits.

    Raises:
        OSError: If it can't be read.
    """
    with open(path, 'rb') as file:
        return hashlib.file_digest(file, 'blake2b').hexdigest()[:16]


def check_files(folder: Path, manifest: CacheManifest) -> None:
    """Forget finished files that are missing, and check the others.

    The content is compared with its checksum only if a file was changed or copied after it was written, by its time;
    comparing all would take as long as reading the whole cache. A copy is noted, so that it is compared once.

    Raises:
        ValueError: If one has another size, or another content; names it and the remedy.
    """
    for name, (size, checksum, written) in list(manifest.files.items()):
        path = folder / name
        if not path.is_file():
            del manifest.files[name]
            continue
        status, fault = path.stat(), None
        if status.st_size != size:
            fault = f'has {status.st_size} bytes, expected {size}'
        elif status.st_mtime_ns != written:
            if checksum_of(path) != checksum:
                fault = 'has another checksum than when it was written'
            manifest.record(folder, name, checksum)
        if fault:
            raise ValueError(f'{path} is damaged: it {fault}; delete this file, and its rows are computed again')


def check_source(folder: Path, found: Mapping, wanted: Mapping, remedy: str) -> None:
    """Refuse a cache that was made from another teacher, other data or other settings.

    Args:
        folder: The cache.
        found: The fingerprint stored with it.
        wanted: The present one.
        remedy: What to do.

    Raises:
        ConfigError: If they differ; names up to three differences.
    """
    differences = list(_differences(found, json.loads(json.dumps(wanted, default=str)), ''))
    if differences:
        more = len(differences) - _MOST_NAMED
        text = '; '.join(differences[:_MOST_NAMED]) + (f'; and {more} more' if more > 0 else '')
        raise ConfigError(f'{folder} is stale: {text}; {remedy}')


def _differences(found: object, wanted: object, where: str) -> Iterator[str]:
    """Yield the differences of two nested settings, each with its key."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        for key in dict.fromkeys([*wanted, *found]):
            yield from _differences(found.get(key), wanted.get(key), f'{where}.{key}' if where else key)
    elif isinstance(found, list) and isinstance(wanted, list) and len(found) == len(wanted):
        for i, pair in enumerate(zip(found, wanted)):
            yield from _differences(*pair, f'{where}[{i}]')
    elif found != wanted:
        yield f'{where} was {_short(found)}, is now {_short(wanted)}'


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else f'{text[:77]}...'
