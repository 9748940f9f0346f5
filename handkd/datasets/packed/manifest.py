"""``pack.json``: content of a pack, the settings it was made with, and checksums of its shards."""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import numpy as np

from handkd.files import checksum_of, write_atomically

from .manifest_checks import check_content, check_values

FILE = 'pack.json'
VERSION = 1
FORMATS = ('memmap', 'webdataset')


@dataclass
class Manifest:
    """The content of ``pack.json``.

    Attributes:
        format: 'memmap' or 'webdataset'.
        source: The data set that was packed: ``config``, ``length``, ``digest`` of a few of its samples, and
            ``labels``, the digest of all its labels (:func:`~handkd.datasets.label_digests.digest_labels`).
        metainfo: The source's, as JSON: joint names, the root joint, and so on.
        rule, factor, margin: The square that was cut: :class:`~handkd.datasets.transforms.HandCrop`'s rule and factor,
            times the margin.
        cube, root: HandCrop's, too; None is its default, also for packs made before these were stored.
        size: Side of a crop in px.
        border: Value of the image outside the original one.
        modalities: Of 'rgb', 'depth', 'mask', 'parts'.
        depth_unit: Millimetres per count of the stored depth.
        labels: Fields of the :class:`~.labels.LabelSchema`.
        shard: Samples per shard (rows; the last one may have fewer).
        on_corrupt: 'stop' or 'skip'.
        shards: Number -> ``files``: name -> [bytes, crc32], and ``num``, its number of samples.
        skipped: Number of a sample of the source that could not be read -> reason.
    """

    format: str
    source: dict
    metainfo: dict
    rule: str
    factor: float | None
    margin: float
    size: int
    border: int
    modalities: list[str]
    depth_unit: float
    labels: list
    shard: int
    on_corrupt: str
    shards: dict[int, dict] = field(default_factory=dict)
    skipped: dict[int, str] = field(default_factory=dict)
    cube: float | None = None
    root: str | int | None = None

    @property
    def num_shards(self) -> int:
        """Number of shards of the complete pack."""
        return -(-self.source['length'] // self.shard)

    @property
    def missing(self) -> list[int]:
        """Numbers of the shards that are still to be made."""
        return [number for number in range(self.num_shards) if number not in self.shards]

    @property
    def num_samples(self) -> int:
        """Number of samples in the finished shards."""
        return sum(shard['num'] for shard in self.shards.values())

    @property
    def complete(self) -> bool:
        """Whether all shards are made."""
        return len(self.shards) == self.num_shards

    def rows(self, number: int) -> range:
        """Return the source's samples that belong to a shard."""
        return range(number * self.shard, min((number + 1) * self.shard, self.source['length']))

    def shard_name(self, number: int) -> str:
        """Return the name of a shard: a folder, or a tar file."""
        return f'shard-{number:05d}' + ('.tar' if self.format == 'webdataset' else '')

    def settings(self) -> dict:
        """Return the settings in which two runs of packing must agree to continue each other's work."""
        return {key: value for key, value in asdict(self).items() if key not in ('shards', 'skipped')}

    def to_json(self) -> bytes:
        """Return the file's content."""
        content = dict(version=VERSION, **asdict(self))
        for key in ('shards', 'skipped'):  # in whatever order they were finished
            content[key] = dict(sorted(content[key].items()))
        return json.dumps(content, indent=1, default=_plain).encode() + b'\n'

    def write(self, folder: Path) -> None:
        """Write ``pack.json`` atomically."""
        write_atomically(folder / FILE, self.to_json())


def read_manifest(data: bytes, where: str) -> Manifest:
    """Return the manifest from a file's content.

    Args:
        data: The content.
        where: The file, for errors.

    Raises:
        ValueError: If it is not a ``pack.json`` of this version, or has impossible values, as
            :func:`~.manifest_checks.check_content` finds.
    """
    try:
        content = json.loads(data)
        check_values(content)
        version = content.pop('version')
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise ValueError(f'{where}: not a {FILE} of `handkd pack` ({error}): pack the data set again') from error
    if version != VERSION:
        raise ValueError(f'{where}: version {version!r}, this handkd reads {VERSION}: pack the data set again')
    names = {item.name for item in fields(Manifest)}
    for key in ('cube', 'root'):
        content.setdefault(key, None)
    if content.keys() != names:
        raise ValueError(f'{where}: expected the keys {sorted(names)}, found {sorted(content)}')
    try:
        for key in ('shards', 'skipped'):
            content[key] = _numbered(key, content[key])
        check_content(content)
    except ValueError as error:
        raise ValueError(f'{where}: {error}') from error
    return Manifest(**content)


def _numbered(key: str, found: object) -> dict[int, object]:
    """Return a dict of JSON with its keys converted to integers."""
    if not isinstance(found, dict):
        raise ValueError(f'{key}: expected a dict, found a {type(found).__name__}')
    wrong = next((name for name in found if not re.fullmatch('0|[1-9][0-9]{0,17}', name)), None)
    if wrong is not None:
        raise ValueError(f'{key}: expected numbers, found {wrong[:80]!r}')
    return {int(name): value for name, value in found.items()}


def load_manifest(folder: str | os.PathLike) -> Manifest:
    """Read ``pack.json`` of a local pack.

    Raises:
        FileNotFoundError: If it is missing.
        ValueError: See :func:`read_manifest`.
    """
    path = Path(folder) / FILE
    if not path.is_file():
        raise FileNotFoundError(
            f'no {FILE} in {str(folder)!r}: make a pack with `handkd pack CONFIG --out DIR`, or without --out '
            'if the config has its recipe'
        )
    return read_manifest(path.read_bytes(), str(path))


def check_complete(manifest: Manifest, where: str) -> None:
    """Raise a ValueError if shards are missing."""
    if not manifest.complete:
        first = next(number for number in range(manifest.num_shards) if number not in manifest.shards)
        raise ValueError(
            f'{where}: {manifest.num_shards - len(manifest.shards)} of {manifest.num_shards} shards are missing (the '
            f'first is {manifest.shard_name(first)}): run the same `handkd pack` command again to finish it'
        )


def find_damage(folder: Path, manifest: Manifest, number: int, thorough: bool) -> str | None:
    """Return a description of a shard's damage, or None if it is intact.

    Args:
        folder: The pack.
        manifest: Its manifest.
        number: The shard.
        thorough: Whether to read it and compare checksums, not only sizes.
    """
    for name, (size, checksum) in manifest.shards[number]['files'].items():
        path = folder / name
        found = path.stat().st_size if path.is_file() else None
        if found != size:
            return f'{path}: expected {size} bytes, found {"no file" if found is None else found}'
        if thorough and checksum_of(path) != checksum:
            return f'{path}: its content has changed since it was written (checksum)'
    return None


def _plain(value: object) -> object:
    """Convert NumPy's values for JSON."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    return str(value)
