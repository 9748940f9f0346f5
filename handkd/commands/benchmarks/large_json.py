"""Cost of reading the annotation files of InterHand2.6M: time and memory for as many entries as the real ones have.

The studio writes a small tree; its entries are repeated, with other frames and names, in files of the chosen size.
"""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from handkd.datasets import InterHand26MDataset
from handkd.studio.layouts.interhand import write_interhand

CAMERAS = 100
"""Cameras of each frame."""
_HAND_FRAMES = 3
"""Frames of the small tree, which are repeated: two hands, a right one, a left one."""


class WithoutImages(InterHand26MDataset):
    """InterHand2.6M's reader, which takes all images to exist."""

    def _have_images(self, data: dict[str, np.ndarray], image: np.ndarray) -> np.ndarray:
        return np.ones(len(image), bool)


def run_large_json(folder: Path, entries: int) -> None:
    """Print the table of large JSON files.

    Args:
        folder: Where the files are written; 0.7 kB are needed for each entry.
        entries: Number of images, of :data:`CAMERAS` cameras.
    """
    for _ in write_interhand(folder / 'small', _HAND_FRAMES, 0, cameras=2):
        pass
    size = write_large(folder / 'small', folder / 'large', entries)
    print(f'\n{"JSON":14s}{"entries":>12s}{"files":>10s}{"read":>12s}{"peak":>12s}{"again":>12s}')
    rows = []
    for _ in range(2):  # the first reads the files, the second finds the index
        with ProcessPoolExecutor(1, get_context('spawn')) as pool:
            rows.append(pool.submit(probe_large, str(folder / 'large')).result())
    (samples, first, peak), (_, again, _) = rows
    print(f'{"interhand":14s}{entries:12,d}{size / 1e6:7,.0f} MB{first:10.1f} s{peak / 1e6:9,.0f} MB{again:10.2f} s')
    print(f'{samples:,d} samples; time is proportional to the entries')


def probe_large(root: str) -> tuple[int, float, int]:
    """Open the large set in a fresh process; return its samples, the seconds, and the peak memory in bytes."""
    start = time.perf_counter()
    dataset = WithoutImages(root, 'test')
    return len(dataset), time.perf_counter() - start, 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def write_large(small: Path, large: Path, entries: int) -> int:
    """Write annotation files with the entries of a small tree's test set, repeated; return their size in bytes."""
    name = 'annotations/test/InterHand2.6M_test_{}.json'
    data, cameras, joints = (
        json.loads((small / name.format(kind)).read_text()) for kind in ('data', 'camera', 'joint_3d')
    )
    (large / 'annotations/test').mkdir(parents=True)
    (large / 'images/test').mkdir(parents=True)
    frames = list(joints['3'].values())
    count = -(-entries // CAMERAS)
    names = [str(400000 + number) for number in range(CAMERAS)]
    calibration = {key: {name: next(iter(values.values())) for name in names} for key, values in cameras['3'].items()}
    (large / name.format('camera')).write_text(json.dumps({'3': calibration}))
    _write(
        large / name.format('joint_3d'),
        '{"3": {',
        (f'"{frame}": {json.dumps(frames[frame % len(frames)])}' for frame in range(count)),
        '}}',
    )
    with open(large / name.format('data'), 'w', encoding='ascii') as file:
        for key in ('images', 'annotations'):
            _append(
                file,
                '{"images": [' if key == 'images' else '], "annotations": [',
                _repeat(data[key], key, names, entries),
            )
        file.write(']}')
    return sum((large / name.format(kind)).stat().st_size for kind in ('data', 'camera', 'joint_3d'))


def _repeat(rows: list[dict], key: str, names: list[str], entries: int) -> Iterator[str]:
    """Yield the entries of a list, as JSON."""
    for number in range(entries):
        frame, camera = divmod(number, len(names))
        entry = dict(rows[2 * (frame % _HAND_FRAMES)], id=number)  # two cameras were written
        if key == 'annotations':
            entry['image_id'] = number
        else:
            folder = f'Capture3/{entry["seq_name"]}/cam{names[camera]}'
            entry.update(file_name=f'{folder}/image{frame}.jpg', camera=names[camera], frame_idx=frame)
        yield json.dumps(entry)


def _write(path: Path, start: str, parts: Iterator[str], end: str) -> None:
    with open(path, 'w', encoding='ascii') as file:
        _append(file, start, parts)
        file.write(end)


def _append(file: object, start: str, parts: Iterator[str]) -> None:
    """Write parts with commas between them."""
    file.write(start)
    for number, part in enumerate(parts):
        file.write(f'{", " if number else ""}{part}')
