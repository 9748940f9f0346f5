"""Random augmentation as a pure function of (seed, place in the training stream).

Transforms of MMCV, MMPose and handkd draw from the global generators. These are seeded for every sample from the
sampler's key, so a sample is the same in any worker, with any number of workers, and
after an interruption of the run.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np


class SampleKey(int):
    """An index into a data set, with the seed of its augmentation.

    To any data set it is a plain integer.

    Attributes:
        draw: The seed, below 2**32.
    """

    draw: int

    def __new__(cls, index: int, draw: int) -> SampleKey:
        key = super().__new__(cls, index)
        key.draw = draw
        return key

    def __reduce__(self) -> tuple:
        return SampleKey, (int(self), self.draw)


class GroupKey(SampleKey):
    """A sampler's key with the sample's group of views in its batch.

    Attributes:
        group: Number of the group in the batch; -1 for a single sample.
    """

    group: int

    def __new__(cls, index: int, draw: int, group: int) -> GroupKey:
        key = super().__new__(cls, index, draw)
        key.group = group
        return key

    def __reduce__(self) -> tuple:
        return GroupKey, (int(self), self.draw, self.group)


def seed_generators(key: int) -> None:
    """Seed the global ``random`` and ``numpy.random`` from a key, as :func:`seeded` does, without restoring them."""
    seed = getattr(key, 'draw', int(key) & 0xFFFFFFFF)
    random.seed(seed)
    np.random.seed(seed)


@contextmanager
def seeded(key: int) -> Iterator[None]:
    """Seed the global ``random`` and ``numpy.random`` from a key, and restore them afterwards.

    Args:
        key: A :class:`SampleKey`, or a plain index, which is its own seed: then a sample's augmentation is the same
            every time, as needed in evaluation.
    """
    states = random.getstate(), np.random.get_state()
    seed_generators(key)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])


def draw_numbers(keys: Sequence[int], count: int) -> np.ndarray:
    """Return the first uniform numbers of ``numpy.random`` when seeded from each of N keys, shape (N, count)."""
    draws = np.empty((len(keys), count))
    with seeded(keys[0]):
        for key, row in zip(keys, draws):
            seed_generators(key)
            row[:] = np.random.random(count)
    return draws
