"""The streamed form of a data set: ready crops in tar files that are read from their beginning to their end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
from mmengine.dataset import Compose
from mmengine.dist import get_dist_info
from torch.utils.data import IterableDataset, get_worker_info

from handkd.datasets.seeding import SampleKey, draw_numbers, seeded
from handkd.datasets.transforms import count_draws, run_batch, take_batches
from handkd.hashing import mix
from handkd.registry import DATASETS

from .manifest import FILE, read_manifest
from .pack import Pack
from .tar import read_bytes, read_tar

_TOGETHER = 32
"""Samples that go through the pipeline at once."""


@DATASETS.register_module()
class StreamedHandDataset(IterableDataset):
    """A pack of ``tools/pack_dataset.py --format webdataset``, for sets that are larger than a disk.

    The container is WebDataset's: plain tar files, which any tool opens, any file server or object store delivers at
    full speed, and ``webdataset`` reads from many kinds of store. MosaicML Streaming downloads whole shards of its own
    format to a local cache, which a set larger than the disk defeats, and LMDB needs a file system and random access.
    A sample's members are ``.npy`` files with the same content as in the memory-mapped form, uncompressed: the samples
    are the same bit by bit, and decoding takes no time. PNG would take a third of the space, and longer to decode than
    everything else together.

    Shards are dealt out to the ranks and workers, so there should be at least as many as all workers together. With
    ``shuffle``, the order of shards and a buffer of samples are drawn from the seed: same seed, ranks and workers, same
    order. A sample's augmentation depends on the seed, the pass and the sample alone. In a config: ``sampler=None``
    beside it. Evaluate on several GPUs with :class:`PackedHandDataset`, since here ranks get unequal numbers of
    samples; a resumed training reads again what it had seen of the pass.

    Args:
        data_root (str): Folder or URL that holds ``pack.json``, such as 'http://store/rhd' or '/mnt/store/rhd'.
        modalities (Sequence[str]): Which of 'rgb', 'depth', 'mask', 'parts' to give out. Defaults to ('rgb',).
        pipeline (Sequence[dict]): Configs of the transforms. Defaults to ().
        split (str, optional): If given, it must be the split that was packed. Defaults to None.
        shuffle (int): Samples in the shuffling buffer; 0 keeps everything in order. Defaults to 0.
        repeat (bool): Whether to begin again after each pass, as an iteration-based training needs. Defaults to False.
        seed (int): Seed of order and augmentation. Defaults to 0.

    Raises:
        ImportError: If the package webdataset is missing.
        OSError: If ``pack.json`` can't be read.
        ValueError: If the pack is unfinished, has not all ``modalities``, or is of another split.
    """

    def __init__(
        self,
        data_root: str,
        modalities: Sequence[str] = ('rgb',),
        pipeline: Sequence[dict] = (),
        split: str | None = None,
        shuffle: int = 0,
        repeat: bool = False,
        seed: int = 0,
    ) -> None:
        self.data_root = str(data_root).rstrip('/')
        where = f'{self.data_root}/{FILE}'
        manifest = read_manifest(read_bytes(where), where)
        if manifest.format != 'webdataset':
            raise ValueError(f'{self.data_root} is a memory-mapped pack; use PackedHandDataset')
        self.pack = Pack(manifest, self.data_root, modalities, split)
        self.pipeline = Compose(pipeline)
        if shuffle < 0:
            raise ValueError(f'StreamedHandDataset: shuffle must be a number of samples, found {shuffle!r}')
        self.shuffle, self.repeat, self.seed = shuffle, repeat, seed

    @property
    def metainfo(self) -> dict:
        """The source's data set name, joint names, root joint and whatever else it says of itself."""
        return dict(self.pack.manifest.metainfo)

    def __len__(self) -> int:
        return self.pack.manifest.num_samples

    def __iter__(self) -> Iterator[dict]:
        """Yield this worker's samples behind the pipeline.

        Raises:
            OSError: If a shard can't be read, is damaged or has too few samples; names it.
            ValueError: If the stream is endless and there are fewer shards than workers.
        """
        reader, readers = _place()
        if self.repeat and readers > self.pack.manifest.num_shards:
            raise ValueError(
                f'{self.data_root}: {self.pack.manifest.num_shards} shards are too few for {readers} workers on all '
                'ranks together; use fewer, or pack with a smaller --shard'
            )
        lap = 0
        while lap == 0 or self.repeat:
            rng = np.random.default_rng((self.seed, lap))  # the same on all ranks and workers
            numbers = np.arange(self.pack.manifest.num_shards)
            if self.shuffle:
                rng.shuffle(numbers)
            samples = self._samples(numbers[reader::readers])
            if self.shuffle:
                samples = _shuffled(samples, self.shuffle, np.random.default_rng((self.seed, lap, reader)))
            while chunk := list(islice(samples, _TOGETHER)):
                yield from self._through_pipeline(lap, *zip(*chunk))
            lap += 1

    def _through_pipeline(self, lap: int, numbers: Sequence[int], rows: Sequence, planes: Sequence) -> Iterator[dict]:
        """Yield samples behind the pipeline, together if it can take them so."""
        length, steps = self.pack.manifest.source['length'], self.pipeline.transforms
        keys = [SampleKey(number, mix(self.seed, lap * length + number)) for number in numbers]
        batch = self.pack.batch(rows, planes)
        if take_batches(steps):
            yield from run_batch(steps, batch, draw_numbers(keys, count_draws(steps)))
            return
        for i, key in enumerate(keys):
            with seeded(key):
                packed = self.pipeline(batch.sample(i))
            yield packed

    def _samples(self, shards: Sequence[int]) -> Iterator[tuple[int, np.ndarray, dict]]:
        """Yield the source's number, the labels and the stored images of each sample, shard after shard."""
        for shard in shards:
            url = f'{self.data_root}/{self.pack.manifest.shard_name(shard)}'
            found, expected = 0, self.pack.manifest.shards[shard]['num']
            for number, arrays in read_tar(url):
                found += 1
                yield number, arrays.pop('labels')[:1], arrays
            if found != expected:
                raise OSError(f'{url}: the shard is damaged, it has {found} samples instead of {expected}')


def _place() -> tuple[int, int]:
    """Return the number of this worker among those of all ranks, and how many there are."""
    rank, world_size = get_dist_info()
    worker = get_worker_info()
    id_, workers = (0, 1) if worker is None else (worker.id, worker.num_workers)
    return rank * workers + id_, world_size * workers


def _shuffled(samples: Iterator, size: int, rng: np.random.Generator) -> Iterator:
    """Yield samples in random order out of a buffer that holds the next ``size`` of them."""
    buffer: list = []
    for sample in samples:
        if len(buffer) < size:
            buffer.append(sample)
            continue
        place = int(rng.integers(size))
        buffer[place], sample = sample, buffer[place]
        yield sample
    rng.shuffle(buffer)
    yield from buffer
