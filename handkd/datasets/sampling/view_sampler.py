"""Sampler for multi-view training: groups of four views, and labelled samples in a constant share."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Protocol

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed

from handkd.geometry.camera import VIEW_GROUP
from handkd.hashing import mix
from handkd.registry import DATA_SAMPLERS

from ..views import Captures
from .seeding import GroupKey

_GROUPS, _SINGLES, _DRAWS = 0, 1, 2  # streams of random numbers


class MultiViewDataset(Protocol):
    """Interface of the sampler's data sets; ``labelled`` (N,), bool, is optional: by default all True."""

    def __len__(self) -> int:
        """Number of samples."""

    def captures(self) -> Captures:
        """Subject, sequence, frame and camera of all samples."""

    def view_groups(self) -> np.ndarray:
        """Samples that show the same hand at the same time, (G, V), int; -1 for missing views."""


@DATA_SAMPLERS.register_module()
class ViewGroupSampler:
    """Batches of groups of views and of labelled single samples: endless, or a fixed number for evaluation.

    A group is [I_t^i, I_t^j, I_t'^i', I_t'^j']: two views of one moment and two of another one of the same hand in the
    same sequence, cameras drawn at random (Mueller et al., section 2.2; Rhodin et al., ECCV 2018). Moments are drawn in
    passes: each is the first of a group once before any is again. A batch is ``groups`` groups, then ``singles``
    labelled samples; these have their own shuffled passes, so that a labelled minority is repeated as often as its
    constant share needs ("random minority oversampling", section 2.3). Groups need no labels, and
    :class:`~.label_budget.LabelBudget` removes theirs. Without groups it is supervised training; without singles,
    pretraining.

    The loader's ``batch_size`` must be 4 ``groups`` + ``singles``: then batches are whole. Each ``data_sample`` gets
    ``view_group``, the number of its group in the batch, or -1. The stream of batches is a pure function of the
    seed; rank r of w takes batches r, r + w, ..., and a resumed run continues where it stopped, without loading the
    samples before.

    Args:
        dataset: A data set of synchronised cameras, with ``captures()`` and ``view_groups()``.
        groups (int): Groups in a batch. Defaults to 8.
        singles (int): Labelled samples in a batch. Defaults to 0.
        same_time (bool): Whether the other moment may be the same one, as in Rhodin et al.'s code; Mueller et al. ask
            for another. Defaults to False.
        batches (int, optional): The stream ends after this many batches, of all processes together, and is the same
            each time: for evaluation. Defaults to None: it is endless.
        seed (int, optional): MMEngine's runner passes its own; set it to evaluate all runs on the same
            groups. Defaults to None: one random seed for all processes, or 0 if ``batches`` is given.

    Raises:
        ValueError: If the set lacks fixed cameras, a hand with two moments in two views, or labels; or
            a number is negative, or the batch or the stream empty.
    """

    def __init__(
        self,
        dataset: MultiViewDataset,
        groups: int = 8,
        singles: int = 0,
        same_time: bool = False,
        batches: int | None = None,
        seed: int | None = None,
    ) -> None:
        if min(groups, singles) < 0 or groups + singles == 0:
            raise ValueError(
                f'ViewGroupSampler: groups and singles must not be negative, nor both 0, found {groups!r}, {singles!r}'
            )
        if batches is not None and batches < 1:
            raise ValueError(f'ViewGroupSampler: batches must be at least 1, found {batches!r}')
        self.groups, self.singles, self.same_time, self.batches = groups, singles, same_time, batches
        self.batch_size = VIEW_GROUP * groups + singles
        self.size = len(dataset)
        self.rank, self.world_size = get_dist_info()
        if seed is None:
            seed = sync_random_seed() if batches is None else 0
        self.seed = seed
        self.start = 0
        self._order = lru_cache(maxsize=4)(self._shuffle)
        if groups:
            self._gather_moments(dataset)
        if singles:
            self._labelled = np.flatnonzero(getattr(dataset, 'labelled', np.ones(self.size, bool)))
            if not len(self._labelled):
                raise ValueError(f'ViewGroupSampler: {type(dataset).__name__} has no labelled sample')

    def _gather_moments(self, dataset: MultiViewDataset) -> None:
        """Sort the moments with two views or more by track; leave out hands with one moment alone."""
        if not hasattr(dataset, 'captures'):
            raise ValueError(
                f'ViewGroupSampler: {type(dataset).__name__} does not know the cameras and sequences of its samples; '
                'choose StudioRigDataset, PanopticHandDataset or HandFolderDataset'
            )
        if getattr(dataset, 'skipped', None) is not None:
            raise ValueError(
                "ViewGroupSampler: a sample read instead of another breaks its group; set on_corrupt='stop'"
            )
        table = dataset.view_groups()
        table = table[(table >= 0).sum(1) >= 2]
        tracks = dataset.captures().track[table.max(1)] if len(table) else np.zeros(0, int)
        _, tracks, counts = np.unique(tracks, return_inverse=True, return_counts=True)
        enough = counts[tracks] >= (1 if self.same_time else 2)
        order = np.flatnonzero(enough)[np.argsort(tracks[enough], kind='stable')]
        if not len(order):
            raise ValueError(
                f'ViewGroupSampler: no hand of {type(dataset).__name__} is seen by two cameras at two times '
                f'({self.size} samples, {len(table)} times with two cameras); choose more cameras or frames, such as '
                "by a smaller every_nth_frame (in the data set, or in the 'source' of its recipe)"
            )
        self._table = table[order]
        _, first, counts = np.unique(tracks[order], return_index=True, return_counts=True)
        self._first, self._count = np.repeat(first, counts), np.repeat(counts, counts)

    def skip(self, num_samples: int) -> None:
        """Leave out the next ``num_samples`` samples of this process; MMEngine's train loop calls it on resume.

        Raises:
            ValueError: If they are not whole batches: the loader has another ``batch_size``.
        """
        batches, rest = divmod(num_samples, self.batch_size)
        if rest:
            raise ValueError(
                f'ViewGroupSampler: batches have {VIEW_GROUP} * {self.groups} + {self.singles} = {self.batch_size} '
                f"samples; set the loader's batch_size to that, found {num_samples} samples to skip"
            )
        self.start += batches

    def __iter__(self) -> Iterator[GroupKey]:
        number = self.start * self.world_size + self.rank
        while self.batches is None or number < self.batches:
            yield from self.batch(number)
            number += self.world_size

    def batch(self, number: int) -> list[GroupKey]:
        """Return the keys of a batch of the stream, counted over all processes."""
        rows = [self._group(number * self.groups + k) for k in range(self.groups)]
        indices = [(index, k) for k, row in enumerate(rows) for index in row]
        indices += [(self._single(number * self.singles + k), -1) for k in range(self.singles)]
        first = number * self.batch_size
        return [GroupKey(index, mix(self.seed, first + i), group) for i, (index, group) in enumerate(indices)]

    def _group(self, place: int) -> list[int]:
        """Return the four samples of a group, by its number in the stream."""
        lap, offset = divmod(place, len(self._table))
        moment = int(self._order(_GROUPS, lap, len(self._table))[offset])
        rng = np.random.default_rng((self.seed, _DRAWS, place))
        first, count = int(self._first[moment]), int(self._count[moment])
        if self.same_time:
            other = first + int(rng.integers(count))
        else:  # any other moment
            other = first + int(rng.integers(count - 1))
            other += other >= moment
        return [index for row in (moment, other) for index in self._two_views(row, rng)]

    def _two_views(self, moment: int, rng: np.random.Generator) -> list[int]:
        """Return two different samples of a moment in random order."""
        row = self._table[moment]
        return rng.permutation(row[row >= 0])[:2].tolist()

    def _single(self, place: int) -> int:
        """Return a labelled sample, by its number in the stream."""
        lap, offset = divmod(place, len(self._labelled))
        return int(self._labelled[self._order(_SINGLES, lap, len(self._labelled))[offset]])

    def _shuffle(self, stream: int, lap: int, size: int) -> np.ndarray:
        return np.random.default_rng((self.seed, stream, lap)).permutation(size)

    def __len__(self) -> int:
        """Number of samples: of the set if the stream is endless, else of this process."""
        if self.batches is None:
            return self.size
        return len(range(self.rank, self.batches, self.world_size)) * self.batch_size

    def set_epoch(self, epoch: int) -> None:
        """Do nothing: the stream has no epochs. MMEngine's loops call it."""
