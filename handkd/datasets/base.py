"""Common base of handkd's data sets: reproducible augmentation, and whole batches through the pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import numpy as np
from mmengine.dataset import Compose

from handkd.hints import ConfigError, one_line

from .damaged_labels import LabelError
from .label_digests import digest_samples
from .sampling.seeding import GroupKey, seed_generators, seeded
from .transforms import SampleBatch, count_draws, run_batch, take_batches
from .transforms.sample import sample_name


class SampleError(ValueError):
    """A sample can't be made, for example because a transform failed; the message names data set and sample."""


class ReproducibleDataset:
    """Mixin of a data set that makes its samples in :meth:`get_data_info` and passes them through a pipeline.

    PyTorch's data loader requests a batch at once. If all transforms are :class:`~.transforms.BatchTransform`, its
    samples go through them together; the result is the same as one by one.

    Args:
        pipeline (Sequence[dict]): Configs of the transforms. Defaults to ().
    """

    METAINFO: dict = {}

    def __init__(self, pipeline: Sequence[dict] = ()) -> None:
        self.pipeline = Compose(pipeline)

    @property
    def metainfo(self) -> dict:
        """The data set's name and joint names."""
        return dict(self.METAINFO)

    def get_data_info(self, index: int) -> dict:
        """Return sample ``index`` as a fresh dict with the keys of the design (images, joints, camera, side)."""
        raise NotImplementedError

    def get_labels(self, index: int) -> dict:
        """Return sample ``index`` as a fresh dict that may lack its images: joints, camera, side."""
        return self.get_data_info(index)

    def label_digest(self) -> str:
        """Return a digest of the labels; it changes with their number, and with the values of some of them.

        It identifies the labels that a stored file was made from. A set that reads labels from files overrides it.
        """
        return digest_samples(self)

    def fetch(self, key: int) -> dict:
        """Return the sample of a sampler's key, the input of the pipeline."""
        return self.get_data_info(int(key))

    def fetch_batch(self, keys: Sequence[int], draws: np.ndarray) -> Sequence[dict] | SampleBatch:
        """Return the samples of several keys, the input of the pipeline.

        Args:
            keys: N keys of the sampler.
            draws: Filled with the random numbers that the pipeline needs, shape (N, D), in [0, 1), no frame.
        """
        samples = []
        for key, row in zip(keys, draws):
            seed_generators(key)
            samples.append(self.fetch(key))
            row[:] = np.random.random(len(row))
        return samples

    def __getitem__(self, key: int) -> dict:
        """Return sample ``key`` after the pipeline, augmented from the seed of its :class:`~.seeding.SampleKey`."""
        return self.__getitems__([key])[0]

    def __getitems__(self, keys: Sequence[int]) -> list[dict]:
        """Return several samples after the pipeline.

        Packed ones have their number in the set as ``sample_idx`` of their meta information, and with a
        :class:`~.seeding.GroupKey` also ``view_group``.

        Raises:
            SampleError: If one can't be made and the error does not name it; names it, its file and the error.
        """
        try:
            samples = self._make(keys)
        except Exception as error:
            if self._is_told(error, keys):
                raise
            raise self._name_sample(error, keys) from error
        for key, sample in zip(keys, samples):
            if 'data_samples' in sample:
                group = dict(view_group=key.group) if isinstance(key, GroupKey) else {}
                sample['data_samples'].set_metainfo(dict(sample_idx=int(key), **group))
        return samples

    def _is_told(self, error: Exception, keys: Sequence[int]) -> bool:
        """Whether an error is complete: about a file, a config, memory, or a sample that it names."""
        if isinstance(error, IndexError):  # ends Python's loops
            return not all(0 <= int(key) < len(self) for key in keys)
        known = isinstance(error, (OSError, MemoryError, ConfigError, LabelError))
        return known or isinstance(error, ValueError) and 'sample' in str(error)

    def _name_sample(self, error: Exception, keys: Sequence[int]) -> SampleError:
        """Return an error that names the first sample that fails alone; all of them, if only the batch fails."""
        for key in keys if len(keys) > 1 else ():
            try:
                self._make([key])
            except Exception as alone:
                return self._name_sample(alone, [key])
        name = f'samples {", ".join(str(int(key)) for key in keys)} together'
        if len(keys) == 1:
            name = f'sample {int(keys[0])}'
            with suppress(Exception):  # it may be what fails
                name += sample_name(self.fetch(keys[0])).removeprefix('sample')
        return SampleError(f'{type(self).__name__}, {name}: {one_line(error)}')

    def _make(self, keys: Sequence[int]) -> list[dict]:
        steps = self.pipeline.transforms
        with seeded(keys[0]):  # restores the generators, whatever is drawn inside
            if take_batches(steps):
                draws = np.empty((len(keys), count_draws(steps)))
                return run_batch(steps, self.fetch_batch(keys, draws), draws)
            samples = []
            for key in keys:
                seed_generators(key)
                samples.append(self.pipeline(self.fetch(key)))
            return samples
