"""Several data sets as one, in fixed shares."""

from __future__ import annotations

from collections.abc import Sequence

from handkd.registry import DATASETS

from .sampling.seeding import SampleKey


@DATASETS.register_module()
class MixedDataset:
    """Samples of several sets in fixed shares, such as nine of one to one of the other.

    One pass has every sample of every set, those of the relatively smaller sets several times. The meta information of
    each ``data_sample`` gets ``mixed_from``: the number of its set, and of the sample in it.

    Args:
        datasets (Sequence[dict]): Configs of the sets; their pipelines pack samples (``PackHandInputs``).
        shares (Sequence[int]): Number of samples of each set among every ``sum(shares)``.

    Raises:
        ValueError: If the numbers of shares and sets differ, or a share is less than 1, or a set is empty.
    """

    def __init__(self, datasets: Sequence[dict], shares: Sequence[int]) -> None:
        if len(shares) != len(datasets) or not shares or min(shares) < 1:
            raise ValueError(
                f'MixedDataset: shares must be one number of at least 1 for each of {len(datasets)} sets, '
                f'found {shares!r}'
            )
        self.datasets = [DATASETS.build(dataset) for dataset in datasets]
        self.shares = tuple(shares)
        for number, dataset in enumerate(self.datasets):
            if len(dataset) == 0:
                raise ValueError(f'MixedDataset: set {number}, {type(dataset).__name__}, has no samples')
        self._order = [(number, place) for number, share in enumerate(shares) for place in range(share)]

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
        samples: list[dict | None] = [None] * len(keys)
        for number, dataset in enumerate(self.datasets):
            mine = [i for i, place in enumerate(places) if place[0] == number]
            if not mine:
                continue
            inner = [self._inner_key(keys[i], places[i][1]) for i in mine]
            for i, sample in zip(mine, dataset.__getitems__(inner)):
                sample['data_samples'].set_metainfo(dict(mixed_from=places[i]))
                samples[i] = sample
        return samples

    @staticmethod
    def _inner_key(key: int, index: int) -> int:
        """Key of the sample in its own set."""
        return SampleKey(index, key.draw) if isinstance(key, SampleKey) else index
