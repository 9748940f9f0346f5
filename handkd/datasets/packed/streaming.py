"""The streamed form of a data set: ready crops in tar files that are read from beginning to end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
from mmengine.dataset import Compose
from mmengine.dist import get_dist_info
from torch.utils.data import IterableDataset, get_worker_info

from handkd.datasets.transforms import count_draws, run_batch, take_batches
from handkd.hashing import mix
from handkd.hints import one_line
from handkd.registry import DATASETS

from ..sampling.seeding import SampleKey, draw_numbers, seeded
from .forms import check_label_type, check_labels
from .manifest import FILE, read_manifest
from .pack import Pack, join_rows
from .stores import CheckedFile, Patience, open_url, read_whole
from .tar import read_tar

_TOGETHER = 32
"""Number of samples that go through the pipeline together."""


@DATASETS.register_module()
class StreamedHandDataset(IterableDataset):
    """A pack of ``handkd pack --format webdataset``, for sets that are larger than a disk.

    The container is WebDataset's: plain tar files, which any tool opens and any file server or object store delivers at
    full speed. MosaicML Streaming downloads whole shards of its own format to a local cache, which does not work for a
    set larger than the disk, and LMDB needs a file system and random access. A sample's members are uncompressed
    ``.npy`` files with the same content as in the memory-mapped form: the samples are the same bit by bit, and decoding
    takes no time. PNG would take a third of the space, but longer to decode than everything else together.

    Shards are distributed over ranks and workers, so there should be at least as many as all workers together. With
    ``shuffle``, the order of shards and a buffer of samples are drawn from the seed: same seed, ranks and workers, same
    order. A sample's augmentation depends only on the seed, the pass and the sample. In a config, set ``sampler=None``
    in the dataloader. Evaluate on several GPUs with :class:`PackedHandDataset`, since here ranks get unequal numbers of
    samples; a resumed training starts at the beginning of the pass.

    A server may fail: lost data are requested again, from the same byte. Each shard is compared with ``pack.json``: its
    size when it is opened, each sample when it is read, and its checksum at its end.

    Args:
        data_root (str): Folder, or URL of http or https, that holds ``pack.json``, such as 'http://store/rhd' or
            '/mnt/store/rhd'.
        modalities (Sequence[str]): Which of 'rgb', 'depth', 'mask', 'parts' to return. Defaults to ('rgb',).
        pipeline (Sequence[dict]): Configs of the transforms. Defaults to ().
        split (str, optional): If given, it must be the split that was packed. Defaults to None.
        shuffle (int): Samples in the shuffling buffer; 0 keeps everything in order. Defaults to 0.
        repeat (bool): Whether to start again after each pass, as an iteration-based training needs. Defaults to False.
        seed (int): Seed of order and augmentation. Defaults to 0.
        timeout (float): Seconds after which a server that sends no data has stalled. Defaults to 60.0.
        retries (int): Number of consecutive reconnections, with pauses that grow from 0.5 s to 30 s. Defaults to 6.

    Raises:
        OSError: If ``pack.json`` can't be read.
        ValueError: If it is invalid (:func:`~.manifest.read_manifest`), or the pack is unfinished, lacks one of
            ``modalities``, or is of another split.
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
        timeout: float = 60.0,
        retries: int = 6,
    ) -> None:
        if not timeout > 0 or retries < 0:
            raise ValueError(f'StreamedHandDataset: needs timeout > 0 and retries >= 0, found {timeout!r}, {retries!r}')
        self.data_root, self.patience = str(data_root).rstrip('/'), Patience(timeout, retries)
        where = f'{self.data_root}/{FILE}'
        manifest = read_manifest(read_whole(where, self.patience), where)
        if manifest.format != 'webdataset':
            raise ValueError(f'{self.data_root} is a memory-mapped pack: use PackedHandDataset')
        self.pack = Pack(manifest, self.data_root, modalities, split)
        self.pipeline = Compose(pipeline)
        if shuffle < 0:
            raise ValueError(f'StreamedHandDataset: shuffle must be a number of samples from 0 on, found {shuffle!r}')
        self.shuffle, self.repeat, self.seed = shuffle, repeat, seed

    @property
    def metainfo(self) -> dict:
        """Meta information of the source: data set name, joint names, root joint and so on."""
        return dict(self.pack.manifest.metainfo)

    def __len__(self) -> int:
        return self.pack.manifest.num_samples

    def __iter__(self) -> Iterator[dict]:
        """Yield this worker's samples after the pipeline.

        Raises:
            OSError: If a shard can't be read, is damaged or is not that of ``pack.json``; names it.
            ValueError: If labels are not finite; names the samples. Or if the stream is endless and has fewer shards
                than workers.
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
        """Yield samples after the pipeline, processed as one batch if the pipeline supports it."""
        length, steps = self.pack.manifest.source['length'], self.pipeline.transforms
        keys = [SampleKey(number, mix(self.seed, lap * length + number)) for number in numbers]
        table = join_rows(rows)
        try:
            check_labels(table)
        except ValueError as error:
            raise ValueError(f'{self.data_root}, samples {numbers[0]} to {numbers[-1]}: {error}') from error
        batch = self.pack.batch([table], planes)
        if take_batches(steps):
            yield from run_batch(steps, batch, draw_numbers(keys, count_draws(steps)))
            return
        for i, key in enumerate(keys):
            with seeded(key):
                packed = self.pipeline(batch.sample(i))
            yield packed

    def _samples(self, shards: Sequence[int]) -> Iterator[tuple[int, np.ndarray, dict]]:
        """Yield the number in the source, the labels and the stored images of each sample, shard by shard."""
        for shard in shards:
            url = f'{self.data_root}/{self.pack.manifest.shard_name(shard)}'
            try:
                yield from self._read(int(shard), url)
            except (OSError, ValueError) as error:
                text = one_line(error).removeprefix(f'{url}: ')
                raise OSError(f'{url}: the shard is damaged or can not be read: {text}') from error

    def _read(self, shard: int, url: str) -> Iterator[tuple[int, np.ndarray, dict]]:
        """Yield the samples of a shard."""
        manifest = self.pack.manifest
        size, checksum = manifest.shards[shard]['files'][manifest.shard_name(shard)]
        expected, kinds, last = manifest.shards[shard]['num'], set(), -1
        with open_url(url, self.patience, size) as stream:
            checked = CheckedFile(stream, size, checksum)
            for number, arrays in read_tar(checked, self.pack.forms):
                labels = arrays.pop('labels')
                if number not in manifest.rows(shard) or number <= last:
                    raise ValueError(f'found sample {number} after {last}, which does not belong there')
                if labels.dtype not in kinds:
                    check_label_type(labels.dtype, manifest.labels)
                    kinds.add(labels.dtype)
                last, expected = number, expected - 1
                yield number, labels, arrays
            checked.finish()
        if expected:
            raise ValueError(
                f'expected {manifest.shards[shard]["num"]} samples, found {manifest.shards[shard]["num"] - expected}'
            )


def _place() -> tuple[int, int]:
    """Return the number of this worker among those of all ranks, and the total number of workers."""
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
