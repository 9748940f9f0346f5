"""Samples per second prepared by one core: packed crops against MMPose's top-down pipeline on the original PNGs.

The studio writes an RHD tree (320 x 320 PNGs). All paths end at 128 x 128 px with crop noise, any rotation and flips;
handkd's with colour, depth, mask and parts, MMPose's with colour alone, since it reads nothing else. Every round
measures each path once, so a ratio compares neighbours in time.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import cv2
import mmpose.datasets  # noqa: F401 (registers MMPose's transforms)
import numpy as np
import torch
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope

from handkd.datasets import PackedHandDataset, RHDDataset, SampleKey, StreamedHandDataset
from handkd.datasets.packed import Packer, PackSettings, margin_for
from handkd.studio.layouts import write_layout

SIZE = 128
BATCH = 32
MODALITIES = ('rgb', 'depth', 'mask', 'parts')
PIPELINE = (
    dict(type='HandCrop', rule='square', factor=1.25),
    dict(type='RandomCropNoise', scale=(0.9, 1.2), shift=0.1, rotation=180.0),
    dict(type='RandomHandFlip', horizontal=0.5, vertical=0.5),
    dict(type='WarpCrop', size=SIZE),
    dict(type='DepthToCube', cube=300.0),
    dict(type='PackHandInputs', modalities=('rgb', 'depth'), fields=('hand_mask', 'part_seg')),
)
CODEC = dict(type='MSRAHeatmap', input_size=(SIZE, SIZE), heatmap_size=(SIZE // 4, SIZE // 4), sigma=2)
TOPDOWN = (
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomBBoxTransform', shift_prob=1.0, rotate_prob=1.0, rotate_factor=180.0),
    dict(type='TopdownAffine', input_size=(SIZE, SIZE)),
)
BASELINE = 'MMPose'

Make = Callable[[list[int]], None]


def run(argv: list[str] | None = None) -> None:
    """Print samples per second of every path, and ratios to MMPose's.

    Args:
        argv: Command line without the program's name; None reads ``sys.argv``.
    """
    parser = argparse.ArgumentParser(prog='handkd benchmark data', description=__doc__)
    parser.add_argument('--num', type=int, default=256, help='samples')
    parser.add_argument('--rounds', type=int, default=15, help='measurements of each path, alternating')
    args = parser.parse_args(argv)
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    init_default_scope('handkd')
    with tempfile.TemporaryDirectory() as folder:
        paths = make_paths(Path(folder), args.num)
        times = measure(paths, args.num, args.rounds)
    print_table(times)


def make_paths(folder: Path, num: int) -> dict[str, Make]:
    """Write the data sets and return by name the functions that make samples of each, given indices of samples."""
    root = folder / 'RHD'
    for _ in write_layout('rhd', root, num):
        pass
    colour = RHDDataset(str(root), 'training')
    records = [mmpose_record(colour.get_record(i), i) for i in range(num)]
    reader = RHDDataset(str(root), 'training', modalities=MODALITIES, pipeline=PIPELINE)
    paths = {
        BASELINE: through([*TOPDOWN, dict(type='GenerateTarget', encoder=CODEC), dict(type='PackPoseInputs')], records),
        'MMPose without GenerateTarget': through([*TOPDOWN, dict(type='PackPoseInputs')], records),
        'handkd, the same PNGs': each(lambda i: reader[SampleKey(i, i)]),
    }
    for size in (160, 256):
        packed = PackedHandDataset(pack(reader, folder / f'packed{size}', size, 'memmap'), MODALITIES, PIPELINE)
        paths[f'handkd, packed in {size} px'] = batches(packed)
    rgb = dict(type='PackHandInputs', modalities=('rgb',))
    paths['  of it, colour alone'] = batches(
        PackedHandDataset(str(folder / 'packed160'), ('rgb',), [*PIPELINE[:4], rgb])
    )
    url = pack(reader, folder / 'streamed', 160, 'webdataset')
    stream = iter(StreamedHandDataset(url, MODALITIES, PIPELINE, shuffle=64, repeat=True))
    paths['handkd, streamed in 160 px'] = each(lambda _: next(stream))
    return paths


def pack(source: RHDDataset, folder: Path, size: int, form: str) -> str:
    """Pack a data set and return the folder."""
    settings = PackSettings(margin=margin_for(), size=size, format=form, modalities=MODALITIES, shard=64)
    Packer(source, dict(type='RHDDataset', split='training'), folder, settings).run()
    return str(folder)


def batches(dataset: PackedHandDataset) -> Make:
    """Return a function that makes samples in batches, as PyTorch's DataLoader requests them."""

    def make(indices: list[int]) -> None:
        for start in range(0, len(indices), BATCH):
            dataset.__getitems__([SampleKey(i, i) for i in indices[start : start + BATCH]])

    return make


def through(transforms: list[dict], records: list[dict]) -> Make:
    """Return a function that passes records through a pipeline; the time of MMPose's data set does not count."""
    pipeline = Compose(transforms)
    return each(lambda i: pipeline(dict(records[i])))


def each(make_one: Callable[[int], object]) -> Make:
    """Return a function that makes samples one by one; none is kept, as in a loader's worker."""

    def make(indices: list[int]) -> None:
        for index in indices:
            make_one(index)

    return make


def mmpose_record(record: dict, index: int) -> dict:
    """Return the labels of a sample as MMPose's data sets give them."""
    return dict(
        img_id=index,
        id=index,
        img_path=record['img_path'],
        bbox=record['bbox'],
        bbox_score=np.ones(1, np.float32),
        keypoints=record['keypoints'],
        keypoints_visible=record['keypoints_visible'],
        flip_indices=list(range(21)),
        category_id=1,
    )


def measure(paths: dict[str, Make], num: int, rounds: int) -> dict[str, list[float]]:
    """Return seconds per sample of each path, one number per round, after a round that does not count."""
    times: dict[str, list[float]] = {name: [] for name in paths}
    order = np.random.default_rng(0)
    for turn in range(rounds + 1):
        for name, make in paths.items():
            # Enough to fill the caches again after another path.
            count = 4 * num if name.startswith(('handkd, packed', '  of it', 'handkd, streamed')) else 64
            indices = order.integers(num, size=count).tolist()
            start = time.perf_counter()
            make(indices)
            if turn:
                times[name].append((time.perf_counter() - start) / len(indices))
    return times


def print_table(times: dict[str, list[float]]) -> None:
    """Print medians, and medians of the ratios of each round."""
    print(f'{"":32s}{"samples/s":>12s}{"x MMPose":>10s}{"x without target":>18s}')
    bases = [times[BASELINE], times['MMPose without GenerateTarget']]
    for name, values in times.items():
        ratios = [median(b / v for b, v in zip(base, values)) for base in bases]
        print(f'{name:32s}{1 / median(values):12.0f}{ratios[0]:10.1f}{ratios[1]:18.1f}')
