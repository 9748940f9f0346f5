"""Packing a data set: shard by shard, on all cores, resuming where an earlier run stopped."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import threading
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from handkd.datasets.file_dataset import KEYS
from handkd.datasets.label_digests import digest_labels
from handkd.files import locked

from .crops import CropMaker
from .labels import LabelSchema
from .manifest import FILE, FORMATS, Manifest, find_damage, load_manifest, read_manifest
from .planes import encode_pixels
from .shards import TEMPORARY, write_shard


@dataclass(frozen=True)
class PackSettings:
    """Settings of packing; the fields are those of :class:`~.manifest.Manifest`.

    Attributes:
        modalities: Of 'rgb', 'depth', 'mask', 'parts'; None means all that the first sample has.
    """

    rule: str = 'square'
    factor: float | None = None
    margin: float = 1.0
    size: int = 160
    border: int = 0
    modalities: tuple[str, ...] | None = None
    depth_unit: float = 0.1
    shard: int = 4096
    format: str = 'memmap'
    on_corrupt: str = 'stop'
    cube: float | None = None
    root: str | int | None = None


class Packer:
    """Packs a data set into a folder.

    Args:
        dataset: The source: has ``get_data_info``, a length and ``metainfo``.
        config: Its config, without the pipeline, by which it is recognised when packing is resumed.
        folder: Folder of the pack.
        settings: Settings of packing.

    Raises:
        ValueError: If the folder holds a pack of other settings or of another source, or the data set is empty.
    """

    def __init__(self, dataset: object, config: dict, folder: str | Path, settings: PackSettings) -> None:
        if settings.format not in FORMATS or settings.shard < 1 or not settings.depth_unit > 0:
            raise ValueError(f'expected a format of {FORMATS}, shard >= 1 and depth_unit > 0, found {settings}')
        if len(dataset) == 0:
            raise ValueError(f'{type(dataset).__name__} has no samples: check its data_root and split')
        self.dataset, self.folder, self.settings = dataset, Path(folder), settings
        crop = ('rule', 'factor', 'margin', 'size', 'border', 'cube', 'root')
        self.maker = CropMaker(**{key: getattr(settings, key) for key in crop})
        self.manifest = self._resume(self._new_manifest(config))

    def crop(self, index: int) -> dict:
        """Return sample ``index`` of the source, cropped."""
        return self.maker(self.dataset.get_data_info(index), tuple(self.manifest.modalities))

    def run(
        self, workers: int = 0, progress: Callable[[int], object] = lambda samples: None, wait: bool = False
    ) -> Manifest:
        """Make the missing shards.

        Args:
            workers: Number of processes, each of which makes whole shards. Defaults to 0: this process.
            progress: Called with the number of samples of each finished shard.
            wait: Whether to wait if another process packs into the folder, and then make the shards that are still
                missing. Defaults to False.

        Raises:
            OSError: If an image can't be read, unless it may be skipped; finished shards are kept. Or if another
                process packs into the folder, and ``wait`` is False.
            ValueError: If that process has packed something else.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with locked(self.folder, wait):
            self.manifest = self._resume(self.manifest)
            return self._run(workers, progress)

    def _run(self, workers: int, progress: Callable[[int], object]) -> Manifest:
        for leftover in (*self.folder.glob(f'{TEMPORARY}*'), *self.folder.glob(f'.{FILE}.*')):
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
        self.manifest.write(self.folder)
        for done in self._shards(workers):
            self.manifest.shards[done['number']] = dict(files=done['files'], num=done['num'])
            self.manifest.skipped |= done['skipped']
            self.manifest.write(self.folder)
            progress(len(self.manifest.rows(done['number'])))
        if self.manifest.num_samples == 0:
            raise ValueError(f'{self.folder}: no sample of the source could be packed: see "skipped" in its {FILE}')
        return self.manifest

    def _shards(self, workers: int) -> Iterator[dict]:
        """Make the missing shards and yield the result of each when it is finished."""
        missing = self.manifest.missing
        if workers < 1:
            for number in missing:
                yield write_shard(self.folder, self.manifest, number, self.crop)
            return
        others = multiprocessing.active_children()
        with ProcessPoolExecutor(min(workers, max(1, len(missing))), initializer=_start, initargs=(self,)) as pool:
            futures = [pool.submit(_make, number) for number in missing]
            try:
                for future in as_completed(futures):
                    yield future.result()
            except BaseException:
                # Shards in progress are abandoned and waiting ones not started: a shard may take minutes.
                pool.shutdown(wait=False, cancel_futures=True)
                for worker in set(multiprocessing.active_children()) - set(others):
                    worker.terminate()
                raise

    def _new_manifest(self, config: dict) -> Manifest:
        """Return the manifest of a pack without shards."""
        first, known = self._first_crop()
        return Manifest(
            source=dict(
                config=config,
                length=len(self.dataset),
                digest=self._digest(known),
                labels=digest_labels(self.dataset),
            ),
            metainfo=dict(self.dataset.metainfo),
            labels=LabelSchema.of(first).fields,
            **{**vars(self.settings), 'modalities': list(known)},
        )

    def _first_crop(self) -> tuple[dict, tuple[str, ...]]:
        """Return the first sample that can be cropped, and the modalities to pack."""
        for index in range(len(self.dataset)):
            try:
                sample = self.dataset.get_data_info(index)
                known = self.settings.modalities or tuple(
                    name for name, key in KEYS.items() if sample.get(key) is not None
                )
                return self.maker(sample, known), known
            except (OSError, ValueError):
                if self.settings.on_corrupt == 'stop':
                    raise
        raise ValueError(f'none of the {len(self.dataset)} samples of the source can be read: check its data_root')

    def _digest(self, modalities: tuple[str, ...]) -> int:
        """Return a checksum of the first, middle and last crop, to detect a changed source."""
        checksum = 0
        for index in sorted({0, len(self.dataset) // 2, len(self.dataset) - 1}):
            try:
                sample = self.maker(self.dataset.get_data_info(index), modalities)
                arrays = [*encode_pixels(sample, modalities, self.settings.depth_unit).values(), sample['keypoints']]
            except (OSError, ValueError) as error:
                if self.settings.on_corrupt == 'stop':
                    raise
                arrays = [np.frombuffer(str(error).encode(), np.uint8)]
            for array in arrays:
                checksum = zlib.crc32(np.ascontiguousarray(array).tobytes(), checksum)
        return checksum

    def _resume(self, fresh: Manifest) -> Manifest:
        """Return the manifest in the folder if there is one, which must have the same settings."""
        fresh = _through_json(fresh)
        if not (self.folder / FILE).exists():
            return fresh
        there = load_manifest(self.folder)
        if not there.shards:
            return fresh
        there.on_corrupt = fresh.on_corrupt  # may change between runs
        there.source.setdefault('labels', fresh.source['labels'])  # missing in older packs: only `digest` is compared
        old, new = there.settings(), fresh.settings()
        changed = [key for key in new if old[key] != new[key]]
        if changed:
            what = '; '.join(f'{key} was {old[key]!r}, is now {new[key]!r}' for key in changed)
            raise ValueError(
                f'{self.folder} holds a pack with other settings: {what}. Give the old settings to resume it, '
                'or name another folder (--out, or data_root in the config)'
            )
        for number in list(there.shards):
            if find_damage(self.folder, there, number, thorough=False):
                del there.shards[number]  # missing or truncated: it is made again
        return there


def _through_json(manifest: Manifest) -> Manifest:
    """Return a manifest as it is after writing and reading."""
    return read_manifest(manifest.to_json(), FILE)


_packer: Packer | None = None


def _start(packer: Packer) -> None:
    """Prepare a worker."""
    global _packer
    _packer = packer
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the first one ends the others
    cv2.setNumThreads(0)  # the processes share the cores
    threading.Thread(target=_end_with_the_first, daemon=True).start()


def _end_with_the_first() -> None:
    """End this worker when the first process ends, even if that was killed: it has inherited the folder's lock."""
    multiprocessing.parent_process().join()
    os._exit(1)


def _make(number: int) -> dict:
    """Make a shard in a worker."""
    return write_shard(_packer.folder, _packer.manifest, number, _packer.crop)
