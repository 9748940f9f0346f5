"""Writing one shard: whole or not at all."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from handkd.files import checksum_of

from .labels import LabelSchema
from .manifest import Manifest
from .planes import encode_pixels
from .tar import open_writer

TEMPORARY = '.shard-'
"""How the names of unfinished shards begin; what is left of an interrupted run is removed by the next."""

Crop = Callable[[int], dict]


def write_shard(folder: Path, manifest: Manifest, number: int, crop: Crop) -> dict:
    """Make one shard of a pack.

    Args:
        folder: The pack.
        manifest: Its manifest.
        number: The shard.
        crop: Returns a sample of the source, cut.

    Returns:
        ``number``, ``num``, ``files`` as in :class:`~.manifest.Manifest`, and ``skipped``.

    Raises:
        OSError: If an image can't be read and ``on_corrupt`` is 'stop', or the shard can't be written.
        ValueError: If a sample can't be cut or differs in its labels; names it.
    """
    skipped: dict[int, str] = {}
    write = _write_memmap if manifest.format == 'memmap' else _write_tar
    final = folder / manifest.shard_name(number)
    with _temporary(folder) as place:
        write(place / 'new', manifest, number, _crops(manifest, number, crop, skipped))
        files = {}
        for path in sorted([*(place / 'new').glob('*')] if (place / 'new').is_dir() else [place / 'new']):
            name = final.name if path.name == 'new' else f'{final.name}/{path.name}'
            files[name] = [path.stat().st_size, checksum_of(path)]
        if final.is_dir():
            shutil.rmtree(final)  # finished, but the run ended before pack.json said so
        os.replace(place / 'new', final)
    return dict(number=number, num=len(manifest.rows(number)) - len(skipped), files=files, skipped=skipped)


def _crops(manifest: Manifest, number: int, crop: Crop, skipped: dict[int, str]) -> Iterator[tuple[int, tuple, dict]]:
    """Yield (sample, its row of labels, its stored images); what can't be read goes to ``skipped``, if it may."""
    schema, modalities = LabelSchema(manifest.labels), tuple(manifest.modalities)
    for index in manifest.rows(number):
        try:
            sample = crop(index)
        except (OSError, ValueError) as error:
            if manifest.on_corrupt == 'stop':
                kind = OSError if isinstance(error, OSError) else ValueError
                raise kind(f'sample {index} of the source: {error}') from error
            skipped[index] = str(error)
            continue
        try:  # what is wrong here is wrong with the set and not with a sample
            yield index, schema.row(sample), encode_pixels(sample, modalities, manifest.depth_unit)
        except ValueError as error:
            raise ValueError(f'sample {index} of the source: {error}') from error


def _write_memmap(place: Path, manifest: Manifest, number: int, crops: Iterable) -> None:
    """Write a folder of arrays. The row of a sample that was left out stays empty, so that rows can be counted."""
    place.mkdir()
    schema, rows, start = LabelSchema(manifest.labels), {}, manifest.rows(number).start
    count, arrays = len(manifest.rows(number)), {}
    for index, row, pixels in crops:
        if not rows:
            arrays = {
                name: np.lib.format.open_memmap(place / f'{name}.npy', 'w+', plane.dtype, (count, *plane.shape))
                for name, plane in pixels.items()
            }
        rows[index - start] = row
        for name, plane in pixels.items():
            arrays[name][index - start] = plane
    for array in arrays.values():
        array.flush()
    written = schema.table(list(rows.values()))
    table = np.zeros(count, written.dtype)
    table[list(rows)] = written
    np.save(place / 'labels.npy', table, allow_pickle=False)


def _write_tar(place: Path, manifest: Manifest, number: int, crops: Iterable) -> None:
    """Write a tar file with ``.npy`` members."""
    schema = LabelSchema(manifest.labels)
    with open_writer(place) as writer:
        for index, row, pixels in crops:
            members = {f'{name}.npy': _npy(plane) for name, plane in pixels.items()}
            writer.write({'__key__': f'{index:09d}', **members, 'labels.npy': _npy(schema.table([row]))})


def _npy(array: np.ndarray) -> bytes:
    """Return an array as the content of a ``.npy`` file."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


@contextmanager
def _temporary(folder: Path) -> Iterator[Path]:
    """A folder beside the shards that is removed in any case."""
    place = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=folder))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
