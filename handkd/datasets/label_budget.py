"""Wrapper that limits the labels of a data set to some samples."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np
import torch

from handkd.registry import DATASETS

from .sampling.seeding import GroupKey
from .views import Captures

_LABELS = ('keypoints', 'keypoints_cam', 'keypoints_visible', 'keypoints_valid')
_NATIVE = ('keypoints_native', 'keypoints_cam_native')


@DATASETS.register_module()
class LabelBudget:
    """Keeps the labels of a share of a multi-view data set, and removes the others.

    All budgets of one seed and pool are nested: the seed orders the subjects, and the samples of each
    subject; a budget is a prefix of that order. So 64 labels are among the 320 of the same seed, and all of them come
    from one subject, as in Mueller et al., Table 1 (1 %, 5 % ... of S0, S0, S0 + S1 + S2 ...). Another seed draws other
    subjects and samples.

    The meta information of each ``data_sample`` gets ``labelled``. If it is False, the joints in ``gt_instances`` are
    removed: coordinates are 0, and so is ``keypoints_valid``, by which losses weight joints. Labels are
    removed after the pipeline: its crop may depend on them, as in the paper, which crops the hands of
    unlabelled images, too. A sample that :class:`~.view_sampler.ViewGroupSampler` drew for a group of views counts as
    unlabelled there, so that the share of labelled samples in a batch is constant.

    Args:
        dataset (dict): Config of the set, which has ``captures()`` and ``view_groups()``; its pipeline packs samples
            (``PackHandInputs``).
        pool (int, optional): Number of samples of the set, drawn at random, that may have labels: of a set with
            unlabelled ones, of the others. Defaults to None: all.
        subjects (int, optional): Number of subjects with labels. Defaults to None: all.
        number (int, optional): Number of labelled samples of these subjects. Defaults to None: all.
        share (float, optional): The same as a share of their samples, rounded up. Defaults to None: all.
        subject_order (Sequence[int], optional): The first subjects of the order, as numbered by ``captures()``,
            independent of the seed: S0, S1 ... of the paper. The others follow in the seed's order. The
            seed still draws the pool and the samples of each. Defaults to None: the seed draws the whole order.
        seed (int): Seed of the order. Defaults to 0.

    Raises:
        ValueError: If the set does not know its subjects, a number is too large or not positive, both
            ``number`` and ``share`` are given, or ``subject_order`` names a subject twice or an unknown one.

    Attributes:
        labelled: Which samples have labels, shape (N,), bool.
    """

    def __init__(
        self,
        dataset: dict,
        pool: int | None = None,
        subjects: int | None = None,
        number: int | None = None,
        share: float | None = None,
        seed: int = 0,
        subject_order: Sequence[int] | None = None,
    ) -> None:
        self.dataset = DATASETS.build(dataset)
        if not hasattr(self.dataset, 'captures'):
            raise ValueError(f'LabelBudget: {type(self.dataset).__name__} does not know the subjects of its samples')
        if getattr(self.dataset, 'skipped', None) is not None:
            raise ValueError("LabelBudget: a sample read instead of another has other labels; set on_corrupt='stop'")
        if number is not None and share is not None:
            raise ValueError(f'LabelBudget: give number or share, found {number!r} and {share!r}')
        order = self._order(pool, subjects, seed, subject_order or ())
        if share is not None:
            if not 0 < share <= 1:
                raise ValueError(f'LabelBudget: share must lie in (0, 1], found {share!r}')
            number = ceil(round(share * len(order), 6))
        if number is not None and not 1 <= number <= len(order):
            raise ValueError(
                f'LabelBudget: number must be 1 to {len(order)} (samples that may have labels), found {number!r}'
            )
        self.labelled = np.zeros(len(self.dataset), bool)
        self.labelled[order[:number]] = True

    def _order(self, pool: int | None, subjects: int | None, seed: int, first: Sequence[int]) -> np.ndarray:
        """Samples that may have labels, in the order in which they get them."""
        of = self.dataset.captures().subject
        able = np.flatnonzero(getattr(self.dataset, 'labelled', np.ones(len(of), bool)))
        if not len(able):
            raise ValueError(f'LabelBudget: {type(self.dataset).__name__} has no labelled sample')
        if pool is not None and not 1 <= pool <= len(able):
            raise ValueError(f'LabelBudget: pool must be from 1 to {len(able)}, the samples of the set, found {pool!r}')
        there = np.sort(able[np.random.default_rng((seed, 2)).permutation(len(able))[:pool]])
        known = np.unique(of[there])
        if subjects is not None and not 1 <= subjects <= len(known):
            raise ValueError(f'LabelBudget: subjects must be from 1 to {len(known)} (all), found {subjects!r}')
        _check_subjects(first, known.tolist())
        drawn = np.random.default_rng((seed, 0)).permutation(known)
        chosen = [*first, *drawn[~np.isin(drawn, first)]][:subjects]
        # Each subject has its own generator: its order does not depend on the subjects before it.
        return np.concatenate([np.random.default_rng((seed, 1, s)).permutation(there[of[there] == s]) for s in chosen])

    @property
    def metainfo(self) -> dict:
        """The meta information of the set."""
        return self.dataset.metainfo

    def __len__(self) -> int:
        return len(self.dataset)

    def captures(self) -> Captures:
        """Return subject, sequence, frame and camera of all samples."""
        return self.dataset.captures()

    def view_groups(self) -> np.ndarray:
        """Return the samples that show the same hand at the same time, shape (G, V), int64; -1 for missing views."""
        return self.dataset.view_groups()

    def __getitem__(self, key: int) -> dict:
        """Return sample ``key``, with its labels or without."""
        return self.__getitems__([key])[0]

    def __getitems__(self, keys: Sequence[int]) -> list[dict]:
        """Return several samples."""
        samples = self.dataset.__getitems__(keys)
        for key, sample in zip(keys, samples):
            labelled = bool(self.labelled[int(key)]) and not (isinstance(key, GroupKey) and key.group >= 0)
            if not labelled:
                _take_labels(sample['data_samples'].gt_instances)
            sample['data_samples'].set_metainfo(dict(labelled=labelled))
        return samples


def _check_subjects(order: Sequence[int], known: Sequence[int]) -> None:
    """Raise a ValueError if an order of subjects names one twice, or an unknown one."""
    if len(set(order)) < len(order):
        raise ValueError(f'LabelBudget: subject_order must name each subject once, found {list(order)}')
    strange = [subject for subject in order if subject not in known]
    if strange:
        raise ValueError(f'LabelBudget: subject_order names {strange[0]!r}, but the subjects are {known}')


def _take_labels(instances) -> None:
    """Replace joints by zeros; arrays are views of whole batches and are not written to."""
    for name in _LABELS:
        if name in instances:
            value = instances[name]
            setattr(instances, name, torch.zeros_like(value) if torch.is_tensor(value) else np.zeros_like(value))
    for name in _NATIVE:
        if name in instances:
            delattr(instances, name)
