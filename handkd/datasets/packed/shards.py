"""Writing one shard atomically."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from handkd.files import checksum_of, naming, write_fully

from .labels import LabelSchema
from .manifest import Manifest
from .planes import encode_pixels
from .tar import open_writer

TEMPORARY = '.shard-'
"""Prefix of the names of unfinished shards; those of an interrupted run are removed by the next."""

Crop = Callable[[int], dict]


def write_shard(folder: Path, manifest: Manifest, number: int, crop: Crop) -> dict:
    """Make one shard of a pack.

    Args:
        folder: The pack.
        manifest: Its manifest.
        number: The shard.
        crop: Returns a cropped sample of the source.

    Returns:
        ``number``, ``num``, ``files`` as in :class:`~.manifest.Manifest`, and ``skipped``.

    Raises:
        OSError: If an image can't be read and ``on_corrupt`` is 'stop', or the shard can't be written.
        ValueError: If a sample can't be cropped or has other labels than the rest; names it.
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
    """Yield (sample, its row of labels, its stored images); unreadable ones go to ``skipped`` if that is allowed."""
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
        try:  # an error here concerns the whole set, not a single sample
            yield index, schema.row(sample), encode_pixels(sample, modalities, manifest.depth_unit)
        except ValueError as error:
            raise ValueError(f'sample {index} of the source: {error}') from error


def _write_memmap(place: Path, manifest: Manifest, number: int, crops: Iterable) -> None:
    """Write a folder of arrays. The row of a skipped sample stays empty, so that row numbers are sample numbers."""
    place.mkdir()
    schema, rows, start = LabelSchema(manifest.labels), {}, manifest.rows(number).start
    count, arrays = len(manifest.rows(number)), {}
    with ExitStack() as stack:
        for index, row, pixels in crops:
            for name, plane in pixels.items():
                if not rows:
                    arrays[name] = stack.enter_context(_GrowingArray(place / f'{name}.npy', plane, count))
                arrays[name].put(index - start, plane)
            rows[index - start] = row
        for array in arrays.values():
            array.pad()
    written = schema.table(list(rows.values()))
    table = np.zeros(count, written.dtype)
    table[list(rows)] = written
    with open(place / 'labels.npy', 'wb', buffering=0) as file:
        write_fully(file, _npy(table))


class _GrowingArray:
    """A ``.npy`` file that is written row by row, with zeros between them.

    A memory-mapped file gets its disk space only when it is written to, and on a full disk the process is killed, since
    an assignment can't fail; here the write raises an error.
    """

    def __init__(self, path: Path, row: np.ndarray, count: int) -> None:
        self._count, self._done, self._zeros = count, 0, np.zeros_like(row, order='C')
        self._file = open(path, 'wb', buffering=0)  # noqa: SIM115 (closed with this)
        header = io.BytesIO()
        described = np.lib.format.header_data_from_array_1_0(self._zeros) | {'shape': (count, *row.shape)}
        np.lib.format.write_array_header_1_0(header, described)
        write_fully(self._file, header.getvalue())

    def put(self, place: int, row: np.ndarray) -> None:
        """Write a row after those that are written."""
        self.pad(place)
        write_fully(self._file, np.ascontiguousarray(row))
        self._done += 1

    def pad(self, place: int | None = None) -> None:
        """Write zeros up to a row, or to the end."""
        for _ in range(self._done, self._count if place is None else place):
            write_fully(self._file, self._zeros)
            self._done += 1

    def __enter__(self) -> _GrowingArray:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()


def _write_tar(place: Path, manifest: Manifest, number: int, crops: Iterable) -> None:
    """Write a tar file with ``.npy`` members."""
    schema = LabelSchema(manifest.labels)
    writer = open_writer(place)
    try:
        for index, row, pixels in crops:
            members = {f'{name}.npy': _npy(plane) for name, plane in pixels.items()}
            with naming(place):
                writer.write({'__key__': f'{index:09d}', **members, 'labels.npy': _npy(schema.table([row]))})
    finally:
        with naming(place):
            writer.close()


def _npy(array: np.ndarray) -> bytes:
    """Return an array as the content of a ``.npy`` file."""
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()


@contextmanager
def _temporary(folder: Path) -> Iterator[Path]:
    """A temporary folder beside the shards, removed in any case."""
    place = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=folder))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
