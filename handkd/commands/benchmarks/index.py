"""Cost of the index of a large data set: memory per sample, in a process and in a loader's workers, and time to open.

The studio writes a small tree of BigHand2.2M and of Panoptic. Their own readers index it; the index is then enlarged to
the size of the real set (2.2 million frames, 31 cameras x 48,683 takes) with columns of the same types, cached as any
other, and opened by the reader in a fresh process. Writing that many image files would take an hour and show the same.

A second table is that of InterHand2.6M's annotation files, which have gigabytes: --entries are written and read.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from torch.utils.data import DataLoader, Dataset

from handkd.datasets import BigHandDataset, PanopticHandDataset
from handkd.studio.layouts.bighand import write_bighand
from handkd.studio.layouts.panoptic import write_panoptic

from .large_json import run_large_json

BIGHAND_FRAMES = 2_200_000
CAMERAS, TAKES = 31, 48_683
READS = 2000
"""Records read before memory is measured, from everywhere in the index."""


class LargeBigHand(BigHandDataset):
    """BigHand's reader with as many frames as the real set has."""

    def build_index(self) -> dict[str, np.ndarray]:
        """Repeat the columns of the small tree."""
        columns = super().build_index()
        for name in ('sample', 'frame', 'folder'):
            columns[name] = np.resize(columns[name], BIGHAND_FRAMES)
        return columns


class LargePanoptic(PanopticHandDataset):
    """Panoptic's reader with as many takes as the real set has, each in all cameras."""

    def build_index(self) -> dict[str, np.ndarray]:
        """Repeat the columns of the small tree."""
        columns = super().build_index()
        for name in ('sequence', 'frame', 'person', 'subject', 'side', 'joints', 'valid'):
            columns[name] = np.resize(columns[name], (TAKES, *columns[name].shape[1:]))
        columns['sample'] = np.repeat(np.arange(TAKES, dtype=columns['sample'].dtype), CAMERAS)
        columns['camera'] = np.resize(columns['camera'], TAKES * CAMERAS)  # of the two that are written
        return columns


SETS = {
    'bighand': (partial(write_bighand, num=2, seed=0), LargeBigHand, '.', 'full'),
    'panoptic': (partial(write_panoptic, num=1, seed=0, cameras=2), LargePanoptic, '.', 'all'),
}
"""Name -> writer of a small tree, the large reader, and its folder and split."""


class Reader(Dataset):
    """Work of a loader's worker: reads records and returns the growth of its memory in bytes."""

    def __init__(self, source: Dataset) -> None:
        self.source = source

    def __len__(self) -> int:
        return 2

    def __getitem__(self, number: int) -> int:
        read_records(self.source, 20, 1)  # what is loaded once, whatever the size
        before = anonymous_memory()
        read_records(self.source, READS, 2 + number)
        return anonymous_memory() - before


def run(argv: list[str] | None = None) -> None:
    """Print the table.

    Args:
        argv: Command line without the program's name; None reads ``sys.argv``.
    """
    parser = argparse.ArgumentParser(prog='handkd benchmark index', description=__doc__)
    parser.add_argument('--entries', type=int, default=450_000, help='images in the JSON (default: %(default)s)')
    args = parser.parse_args(argv)
    print(f'{"bytes/sample":14s}{"samples":>12s}{"on disk":>10s}{"process":>10s}{"worker":>10s}{"open":>10s}')
    with tempfile.TemporaryDirectory() as folder:
        os.environ['XDG_CACHE_HOME'] = f'{folder}/cache'  # inherited by the fresh processes
        for name, (write, *_) in SETS.items():
            for _ in write(Path(folder) / name):
                pass
            context = multiprocessing.get_context('spawn')
            for _ in range(2):  # the first builds the index, the second finds it
                with ProcessPoolExecutor(1, context) as pool:
                    found = pool.submit(probe, name, f'{folder}/{name}').result()
            samples, disk, process, worker, seconds = found
            shares = ''.join(f'{size / samples:10.2f}' for size in (disk, process, worker))
            print(f'{name:14s}{samples:12,d}{shares}{seconds:8.2f} s')
        run_large_json(Path(folder) / 'interhand', args.entries)


def probe(name: str, root: str) -> tuple[int, int, int, int, float]:
    """Open a data set in a fresh process.

    Returns:
        Samples; bytes of the index; growth of the process's own memory in bytes after opening and reading; the same in
        a worker; and seconds to open.
    """
    _, kind, folder, split = SETS[name]
    before, start = anonymous_memory(), time.perf_counter()
    dataset = kind(f'{root}/{folder}', split)
    seconds = time.perf_counter() - start
    read_records(dataset, READS, 0)
    process = anonymous_memory() - before
    disk = sum(column.nbytes for column in dataset.index.values())
    worker = max(int(grown) for grown in DataLoader(Reader(dataset), batch_size=None, num_workers=2))
    return len(dataset), disk, process, worker, seconds


def read_records(dataset: Dataset, count: int, seed: int) -> None:
    """Read records from everywhere in a data set."""
    for index in np.random.default_rng(seed).integers(0, len(dataset), count):
        dataset.get_record(int(index))


def anonymous_memory() -> int:
    """Return the anonymous memory of this process in bytes, without mapped files (Linux)."""
    with open('/proc/self/smaps_rollup', encoding='ascii') as file:
        return next(1024 * int(line.split()[1]) for line in file if line.startswith('Anonymous:'))
