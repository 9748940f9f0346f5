"""Reproducible augmentation for data sets that know nothing of seeds, such as MMPose's."""

from __future__ import annotations

from collections.abc import Sized

from .seeding import seeded


class SeededSamples:
    """A data set whose samples are drawn with the generators seeded from the sampler's key (:func:`~.seeding.seeded`).

    So a sample is the same in any worker, with any number of workers, and in a resumed run. Everything else is the data
    set's: its attributes are read and set through this one.

    Args:
        dataset: A data set of numbered samples that draws from ``numpy.random`` and ``random``.
    """

    def __init__(self, dataset: Sized) -> None:
        self.__dict__['dataset'] = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, key: int) -> object:
        """Return sample ``key``, augmented from the seed of its :class:`~.seeding.SampleKey`."""
        with seeded(key):
            return self.dataset[int(key)]

    def __getattr__(self, name: str) -> object:
        """Return an attribute of the data set."""
        if name.startswith('__') or 'dataset' not in self.__dict__:  # as while it is unpickled
            raise AttributeError(name)
        return getattr(self.dataset, name)

    def __setattr__(self, name: str, value: object) -> None:
        """Set an attribute of the data set, such as its ``pipeline``."""
        setattr(self.dataset, name, value)
