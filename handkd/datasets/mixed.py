"""Several data sets as one, in fixed shares."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from handkd.hints import check_choice
from handkd.registry import DATASETS

from .sampling.seeding import SampleKey

OPTIONAL = ('rgb', 'depth', 'keypoints', 'keypoints_cam', 'hand_mask')
"""Inputs and labels that samples of a mixture may lack."""
_FILLERS = {'rgb': (3, torch.uint8), 'depth': (1, torch.float32)}
"""Modality -> channels and type of its images."""


@DATASETS.register_module()
class MixedDataset:
    """Samples of several sets in fixed shares, such as nine of one to one of the other.

    One pass has every sample of every set, those of the relatively smaller sets several times. The meta information of
    each ``data_sample`` gets ``mixed_from``: the number of its set, and of the sample in it.

    The sets may differ in their inputs and labels, if ``optional`` names what samples may lack. An image that a sample
    lacks is filled with zeros, so that all batches have the same inputs, and ``absent`` of its meta information lists
    all that it lacks. Teachers do not see such samples, and losses do not count them: each is the mean over the samples
    of the batch that have what it needs (per process), and 0 without any. The student's own input can't be absent.

    A batch has on average as many samples of a set as the shares say, so that the share of a set is its weight.
    ``loss_weights`` multiply the losses of its samples as well: each loss of a batch is

        (1 / B) sum_i w(set of i) l_i

    over the B samples that have what it needs, so that gradients are proportional to the weights, and weights of 1
    change nothing. (Losses that are means over joints or pixels of the batch have the weight of their sample in the sum
    in the same way.) Statistics, such as those of batch normalisation and mean bone lengths, have no weights. A model
    with a loss that can't be weighted is refused when the training starts: see ``takes_sample_weights`` of its head and
    distillers.

    Args:
        datasets (Sequence[dict]): Configs of the sets; their pipelines pack samples (``PackHandInputs``).
        shares (Sequence[int]): Number of samples of each set among every ``sum(shares)``.
        optional (Sequence[str]): Inputs ('rgb', 'depth') and labels ('keypoints', 'keypoints_cam', 'hand_mask') that
            samples may lack; the joints of a sample are absent if none is labelled. Anything else that a loss needs and
            a sample lacks is an error. Defaults to ().
        loss_weights (Sequence[float], optional): Factor of the losses of each set's samples. Defaults to None: all 1.

    Raises:
        ValueError: If the numbers of shares and sets differ, or a share is less than 1, or ``loss_weights`` is not one
            positive number per set, or a set is empty or of a kind that is read in order only, or an optional name is
            unknown, or the sets pack other inputs although these are not optional.
    """

    def __init__(
        self,
        datasets: Sequence[dict],
        shares: Sequence[int],
        optional: Sequence[str] = (),
        loss_weights: Sequence[float] | None = None,
    ) -> None:
        if len(shares) != len(datasets) or not shares or min(shares) < 1:
            raise ValueError(
                f'MixedDataset: shares must be one number of at least 1 for each of {len(datasets)} sets, '
                f'found {shares!r}'
            )
        if loss_weights is not None and not _are_weights(loss_weights, len(datasets)):
            raise ValueError(
                f'MixedDataset: loss_weights must be one positive number for each of {len(datasets)} sets, '
                f'found {loss_weights!r}'
            )
        if isinstance(optional, str):
            raise ValueError(f"MixedDataset: optional must be a tuple such as ('depth',), found {optional!r}")
        for name in optional:
            check_choice(name, OPTIONAL, 'MixedDataset(optional=...)')
        self.datasets = build_sets(datasets, type(self).__name__)
        self.shares, self.optional = tuple(shares), tuple(optional)
        self.loss_weights = None if loss_weights is None else tuple(loss_weights)
        self._order = [(number, place) for number, share in enumerate(shares) for place in range(share)]
        self._fillers = self._missing_inputs()

    def _missing_inputs(self) -> list[tuple[str, ...]]:
        """Return the modalities that each set lacks of those that the others pack."""
        packed = [_packed_modalities(dataset) for dataset in self.datasets]
        every = dict.fromkeys(name for names in packed for name in names or ())
        missing = [tuple(name for name in every if name not in names) if names else () for names in packed]
        for number, names in enumerate(missing):
            for name in names:
                if name not in self.optional:
                    owner = next(i for i, others in enumerate(packed) if others and name in others)
                    raise ValueError(
                        f'MixedDataset: set {number}, {type(self.datasets[number]).__name__}, packs no {name!r}, but '
                        f'set {owner}, {type(self.datasets[owner]).__name__}, does: pack it in all sets or in none, or '
                        f'set optional=({name!r},) (of {OPTIONAL}) if its samples may lack it'
                    )
        return missing

    @property
    def metainfo(self) -> dict:
        """The meta information of the first set."""
        return self.datasets[0].metainfo

    def __len__(self) -> int:
        blocks = max(-(-len(dataset) // share) for dataset, share in zip(self.datasets, self.shares))
        return blocks * len(self._order)

    def locate(self, index: int) -> tuple[int, int]:
        """Return the number of a sample's set, and its number in that set.

        Raises:
            IndexError: If ``index`` is out of range.
        """
        if not 0 <= index < len(self):
            raise IndexError(f'MixedDataset has {len(self)} samples, found index {index}')
        block, place = divmod(int(index), len(self._order))
        number, place = self._order[place]
        return number, (block * self.shares[number] + place) % len(self.datasets[number])

    def __getitem__(self, key: int) -> dict:
        """Return sample ``key``, augmented from the seed of its :class:`~handkd.datasets.SampleKey`."""
        return self.__getitems__([key])[0]

    def __getitems__(self, keys: Sequence[int]) -> list[dict]:
        """Return several samples; those of one set go through its pipeline together."""
        places = [self.locate(key) for key in keys]
        samples = fetch_samples(self.datasets, places, keys)
        for place, sample in zip(places, samples):
            labels = sample['data_samples']
            labels.set_metainfo(dict(mixed_from=place))
            if self.loss_weights is not None:  # the samples of a mixture in this one have weights already
                labels.set_metainfo(dict(loss_weight=labels.get('loss_weight', 1.0) * self.loss_weights[place[0]]))
            if self.optional:
                absent = tuple(name for name in self.optional if not _has(sample, name))
                labels.set_metainfo(dict(absent=absent))
                _fill(sample['inputs'], self._fillers[place[0]])
        return samples


def build_sets(datasets: Sequence[dict], owner: str) -> list:
    """Build the sets of a data set that consists of several.

    Args:
        datasets: Their configs.
        owner: Class of the whole, for errors.

    Raises:
        ValueError: If one is empty, or can only be read in order, so that its samples have no numbers.
    """
    built = [DATASETS.build(dataset) for dataset in datasets]
    for number, dataset in enumerate(built):
        name = f'{owner}: set {number}, {type(dataset).__name__},'
        if not hasattr(dataset, '__getitems__'):
            raise ValueError(f'{name} can only be read in order: use a set of numbered samples, as PackedHandDataset')
        if len(dataset) == 0:
            raise ValueError(f'{name} has no samples')
    return built


def fetch_samples(datasets: Sequence, places: Sequence[tuple[int, int]], keys: Sequence[int]) -> list[dict]:
    """Return samples of several sets; those of one set go through its pipeline together.

    Args:
        datasets: The sets.
        places: Number of each sample's set, and of the sample in it.
        keys: The sampler's key of each sample in the whole, which gives the seed of its augmentation.
    """
    samples: list[dict] = [{}] * len(keys)
    for number, dataset in enumerate(datasets):
        mine = [i for i, place in enumerate(places) if place[0] == number]
        if not mine:
            continue
        inner = [_inner_key(keys[i], places[i][1]) for i in mine]
        for i, sample in zip(mine, dataset.__getitems__(inner)):
            samples[i] = sample
    return samples


def _inner_key(key: int, index: int) -> int:
    """Key of the sample in its own set."""
    return SampleKey(index, key.draw) if isinstance(key, SampleKey) else index


def _packed_modalities(dataset: object) -> tuple[str, ...] | None:
    """Return the modalities that a set's pipeline packs; None if it is unknown."""
    if not hasattr(dataset, 'pipeline'):
        return _packed_modalities(dataset.dataset) if hasattr(dataset, 'dataset') else None
    steps = dataset.pipeline.transforms
    return getattr(steps[-1], 'modalities', None) if steps else None


def _are_weights(given: object, number: int) -> bool:
    """Whether a value is a list of so many positive numbers."""
    return (
        isinstance(given, Sequence)
        and len(given) == number
        and all(type(one) in (int, float) and 0 < one < math.inf for one in given)
    )


def _has(sample: dict, name: str) -> bool:
    """Whether a packed sample has an input or a label; joints, if at least one is labelled."""
    if name in _FILLERS:
        return name in sample['inputs']
    labels = sample['data_samples']
    if name == 'hand_mask':
        return name in labels.get('gt_fields', ())
    instances = labels.gt_instances
    return name in instances and bool((instances.keypoints_valid > 0).any())


def _fill(inputs: dict[str, torch.Tensor], modalities: Sequence[str]) -> None:
    """Add images of zeros, as large as a sample's others."""
    for name in modalities:
        channels, dtype = _FILLERS[name]
        inputs[name] = torch.zeros((channels, *next(iter(inputs.values())).shape[1:]), dtype=dtype)
