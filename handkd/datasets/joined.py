"""Several data sets one after the other, each sample once: for evaluation set by set."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from handkd.registry import DATASETS

from .mixed import build_sets, fetch_samples


@DATASETS.register_module()
class JoinedDataset:
    """Several sets in order, each sample once, for validation and test.

    The meta information of each ``data_sample`` gets ``set_name``, by which the metrics of joints report numbers of
    each set in addition to those of the whole: ``dexycb/rel-middle_mcp_gt-scale_21j/EPE_mean``. Numbers of the whole
    are over all samples, so that a large set counts more than a small one.

    Args:
        datasets (Sequence[dict]): Configs of the sets; their pipelines pack samples with the same inputs.
        names (Sequence[str], optional): A name for each set. Defaults to None: ``dataset_name`` of their meta
            information.

    Raises:
        ValueError: If there is no set, one is empty or has no known number of samples, names are not unique, contain
            '/' or are not one per set, or the sets have another joint 0.
    """

    def __init__(self, datasets: Sequence[dict], names: Sequence[str] | None = None) -> None:
        if not datasets:
            raise ValueError('JoinedDataset: datasets must name at least one set, found none')
        self.datasets = build_sets(datasets, type(self).__name__)
        if names is None:
            names = [dataset.metainfo.get('dataset_name', '') for dataset in self.datasets]
        if len(set(names)) != len(self.datasets) or len(names) != len(self.datasets) or not all(map(_is_name, names)):
            raise ValueError(
                f"JoinedDataset: names must be {len(self.datasets)} different names without '/', one per set, found "
                f'{list(names)}'
            )
        self.names = tuple(names)
        joint0 = {name: dataset.metainfo.get('joint0', 'wrist') for name, dataset in zip(names, self.datasets)}
        if len(set(joint0.values())) > 1:
            raise ValueError(
                f'JoinedDataset: joint 0 must be the same point in all sets, found {joint0}: set joint0=... of the '
                'readers, or evaluate these sets one by one'
            )
        self._ends = np.cumsum([len(dataset) for dataset in self.datasets])

    @property
    def metainfo(self) -> dict:
        """The meta information of the first set, with the names of all sets as ``dataset_name`` and ``set_names``."""
        return dict(self.datasets[0].metainfo, dataset_name='+'.join(self.names), set_names=self.names)

    def __len__(self) -> int:
        return int(self._ends[-1])

    def locate(self, index: int) -> tuple[int, int]:
        """Return the number of a sample's set, and its number in that set.

        Raises:
            IndexError: If ``index`` is out of range.
        """
        if not 0 <= index < len(self):
            raise IndexError(f'JoinedDataset has {len(self)} samples, found index {index}')
        number = int(np.searchsorted(self._ends, int(index), side='right'))
        return number, int(index) - int(self._ends[number] - len(self.datasets[number]))

    def __getitem__(self, key: int) -> dict:
        """Return sample ``key``."""
        return self.__getitems__([key])[0]

    def __getitems__(self, keys: Sequence[int]) -> list[dict]:
        """Return several samples; those of one set go through its pipeline together."""
        places = [self.locate(key) for key in keys]
        samples = fetch_samples(self.datasets, places, keys)
        for (number, _), sample in zip(places, samples):
            sample['data_samples'].set_metainfo(dict(set_name=self.names[number]))
        return samples


def _is_name(name: object) -> bool:
    return isinstance(name, str) and bool(name) and '/' not in name
