"""Backgrounds of fixed cameras: the pixel-wise median over frames, one file per camera of a sequence."""

from __future__ import annotations

import io
import json
import os
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import numpy as np

from handkd.array_files import ArrayFileError, read_npy
from handkd.files import checksum_of, locked, write_atomically
from handkd.reading import check_name, read_json

FILE = 'backgrounds.json'
VERSION = 1


def background_path(folder: str | PathLike, sequence: str, view: int) -> Path:
    """Return the path of a camera's background: (H, W, 3), uint8, BGR, as ``.npy``, which can be memory-mapped.

    Args:
        folder: Folder of all backgrounds.
        sequence: Name of the sequence; may contain folders, as DexYCB's 'SUBJECT/SEQUENCE'.
        view: Number of the camera.

    Raises:
        ValueError: If the sequence's name would lead out of the folder.
    """
    for part in sequence.split('/'):
        check_name(part, f'each part of the sequence {sequence!r} of a background')
    return Path(folder) / sequence / f'{view:02d}.npy'


@lru_cache(maxsize=4096)  # all of a set's, so that none is opened twice
def open_background(path: str) -> np.ndarray:
    """Return a background, (H, W, 3), uint8, BGR, memory-mapped: all processes share one copy.

    Raises:
        FileNotFoundError: If it was not made.
        ValueError: If it is damaged.
    """
    try:
        background = read_npy(path, mapped=True)
    except FileNotFoundError:
        raise FileNotFoundError(
            f'no background {path!r}: make the backgrounds of a config with `handkd backgrounds CONFIG`'
        ) from None
    except ArrayFileError as error:
        raise ValueError(f'{path!r} is damaged ({error.fault}); delete it, and make it again') from error
    if background.dtype != np.uint8 or background.ndim != 3 or background.shape[2] != 3:
        raise ValueError(f'{path!r} must be (H, W, 3) uint8, found {background.shape} {background.dtype}')
    return np.asarray(background)


def pixel_median(read: Callable[[int], np.ndarray], count: int, memory: int) -> np.ndarray:
    """Return the pixel-wise median of images; of an even number the lower of the two middle values.

    Rows are processed in blocks of all images that fit into ``memory``, so each image is read once per block.

    Args:
        read: Returns image i, (H, W, 3) uint8, all of one size.
        count: Number of images.
        memory: Bytes that a block may take, besides one image.

    Returns:
        Shape (H, W, 3), uint8.

    Raises:
        ValueError: If sizes differ, or ``count`` is 0.
    """
    if count < 1:
        raise ValueError('a median needs at least one image')
    first = read(0)
    height, width = first.shape[:2]
    rows = min(height, max(1, memory // (count * width * 3)))
    median = np.empty_like(first)
    block = np.empty((count, rows, width, 3), np.uint8)
    for top in range(0, height, rows):
        part = block[:, : min(rows, height - top)]
        for i in range(count):
            image = first if i == 0 else read(i)
            if image.shape != first.shape:
                raise ValueError(f'image {i} of a median has shape {image.shape}, the first has {first.shape}')
            part[i] = image[top : top + part.shape[1]]
        part.partition((count - 1) // 2, axis=0)
        median[top : top + part.shape[1]] = part[(count - 1) // 2]
    return median


def spread_over(frames: Iterable[int], count: int) -> list[int]:
    """Return ``count`` of the distinct frames at equal steps, or all of them if they are fewer."""
    known = sorted(set(frames))
    if len(known) <= count:
        return known
    return [known[i * len(known) // count] for i in range(count)]


class Camera(NamedTuple):
    """A camera of a sequence whose background is to be made.

    Attributes:
        sequence: Name of the sequence.
        view: Number of the camera.
        frames: Frames of the median.
        read: Returns the image of ``frames[i]``, (H, W, 3) uint8 BGR.
        source: Identifies the data sets of the images; must be JSON.
    """

    sequence: str
    view: int
    frames: Sequence[int]
    read: Callable[[int], np.ndarray]
    source: object


def build_backgrounds(
    folder: str | PathLike,
    cameras: Iterable[Camera],
    memory: int = 256 << 20,
    progress: Callable[[int], object] = lambda cameras: None,
) -> int:
    """Make the missing backgrounds of cameras.

    Files are written atomically; a manifest, ``backgrounds.json``, lists each with its checksum, frames and source.
    A killed run loses at most one background, and the next run resumes.

    Args:
        folder: Output folder; created if missing.
        cameras: The cameras whose backgrounds are needed.
        memory: See :func:`pixel_median`. Defaults to 256 << 20: 256 MiB.
        progress: Called with 1 after each camera.

    Returns:
        Number of backgrounds made.

    Raises:
        ValueError: If an existing one was made from other frames or another set, or the manifest is damaged.
        OSError: If an image can't be read, or a background can't be written. Files already written stay.
    """
    folder, made = Path(folder), 0
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder, wait=True):  # another process may be making the same
        known = _read_manifest(folder)
        for camera in cameras:
            path = background_path(folder, camera.sequence, camera.view)
            name = path.relative_to(folder).as_posix()
            wanted = dict(frames=[int(frame) for frame in camera.frames], source=camera.source)
            if not _is_there(path, known.get(name), wanted):
                content = io.BytesIO()
                np.save(content, pixel_median(camera.read, len(camera.frames), memory), allow_pickle=False)
                write_atomically(path, content.getvalue())
                known[name] = dict(wanted, checksum=zlib.crc32(content.getvalue()))
                manifest = json.dumps(dict(version=VERSION, backgrounds=known), sort_keys=True)
                write_atomically(folder / FILE, manifest.encode() + b'\n')
                made += 1
            progress(1)
    return made


def missing_backgrounds(folder: str | PathLike, cameras: Mapping[tuple[str, int], object]) -> list[tuple[str, int]]:
    """Return the cameras without a background, as (sequence, view); reads no background, and accepts any frames.

    Args:
        folder: Folder of all backgrounds.
        cameras: Sequence and view -> :class:`Camera`'s ``source``.

    Raises:
        ValueError: If an existing one was made from another set, or the manifest is damaged.
    """
    folder, known, missing = Path(folder), _read_manifest(Path(folder)), []
    for (sequence, view), source in cameras.items():
        path = background_path(folder, sequence, view)
        entry = known.get(path.relative_to(folder).as_posix())
        if entry is None or not path.is_file():
            missing.append((sequence, view))
        else:
            _check_entry(path, entry, dict(source=source))
    return missing


def _check_entry(path: Path, entry: Mapping, wanted: Mapping) -> None:
    """Raise a ValueError if a background's entry in the manifest differs from ``wanted``."""
    if {key: entry.get(key) for key in wanted} != wanted:
        raise ValueError(
            f'{path} was made from other frames or another set; delete its folder to make all again, or choose another'
        )


def _is_there(path: Path, entry: Mapping | None, wanted: Mapping) -> bool:
    """Whether a background exists and has the manifest's checksum."""
    if entry is None or not path.is_file():
        return False
    _check_entry(path, entry, wanted)
    return checksum_of(path) == entry.get('checksum')


def _read_manifest(folder: Path) -> dict[str, dict]:
    """Return the manifest's entry of each background."""
    path = folder / FILE
    if not path.is_file():
        return {}
    try:
        content = read_json(path)
        if content['version'] != VERSION:
            raise ValueError(f'version {content["version"]!r}, expected {VERSION}')
        return dict(content['backgrounds'])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f'{path} is damaged ({error}); delete {folder} to make it again') from error


def background_of(folder: str | PathLike, sequence: str, view: int) -> np.ndarray:
    """Return the background of a camera, (H, W, 3) uint8 BGR; see :func:`open_background`."""
    return open_background(os.fspath(background_path(folder, sequence, view)))
