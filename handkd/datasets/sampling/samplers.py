"""Sampler for training: shuffled, resumable at any sample, endless or by epochs."""

from __future__ import annotations

from collections.abc import Iterator, Sized

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed

from handkd.hashing import mix
from handkd.registry import DATA_SAMPLERS

from .seeding import SampleKey


@DATA_SAMPLERS.register_module()
class ReproducibleSampler:
    """Passes over the data set repeatedly, each time in another order.

    The stream of samples is a pure function of the seed. Rank r of w takes its places r, r + w, r + 2w, ..., so w
    processes with batch b together see the samples of one process with batch w * b, and a resumed run continues at the
    sample where it stopped without loading those before it.

    It is endless unless :meth:`end_passes` is called, as in a training by epochs. Pass e is then the same as the e-th
    pass of the endless stream, padded from its beginning if the set's size is not a multiple of the processes.

    Args:
        dataset: The data set; only its length is read.
        shuffle (bool): Whether each pass has its own order. Defaults to True.
        seed (int, optional): Defaults to None: one random seed for all processes.

    Raises:
        ValueError: If the data set is empty.
    """

    def __init__(self, dataset: Sized, shuffle: bool = True, seed: int | None = None) -> None:
        self.size = len(dataset)
        if self.size == 0:
            raise ValueError(f'{type(dataset).__name__} has no samples; check its data_root, split and length')
        self.rank, self.world_size = get_dist_info()
        self.shuffle = shuffle
        self.seed = sync_random_seed() if seed is None else seed
        self.start = 0
        self.epoch: int | None = None

    def end_passes(self) -> None:
        """End each iteration after one pass over the data; :meth:`set_epoch` selects the next pass."""
        self.epoch = 0

    def skip(self, num_samples: int) -> None:
        """Leave out the next ``num_samples`` samples of this process; MMEngine's train loop calls it on resume."""
        self.start += num_samples

    def __iter__(self) -> Iterator[SampleKey]:
        if self.epoch is not None:
            yield from self._pass(self.epoch)
            return
        place = self.start * self.world_size + self.rank
        current, order = -1, None
        while True:
            lap, offset = divmod(place, self.size)
            if lap != current:
                current, order = lap, self._order(lap)
            yield SampleKey(int(order[offset]), mix(self.seed, place))
            place += self.world_size

    def _pass(self, epoch: int) -> Iterator[SampleKey]:
        """Yield this process's samples of one pass."""
        order = self._order(epoch)
        for step in range(len(self)):
            offset = (step * self.world_size + self.rank) % self.size
            yield SampleKey(int(order[offset]), mix(self.seed, epoch * self.size + offset))

    def _order(self, lap: int) -> np.ndarray:
        if not self.shuffle:
            return np.arange(self.size)
        return np.random.default_rng((self.seed, lap)).permutation(self.size)

    def __len__(self) -> int:
        """Number of samples: of the set if the stream is endless, else of this process in one pass."""
        return self.size if self.epoch is None else -(-self.size // self.world_size)

    def set_epoch(self, epoch: int) -> None:
        """Select the next pass; ignored by an endless stream. MMEngine's loops call it."""
        if self.epoch is not None:
            self.epoch = epoch
