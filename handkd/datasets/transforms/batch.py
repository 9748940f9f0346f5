"""Batches of samples: transforming the labels of 32 hands at once costs little more than those of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from mmcv.transforms import BaseTransform

from handkd.hand import NUM_JOINTS, SIDES

from .sample import CAMERA_SHAPES, JOINT_SHAPES, check_sample, labelled_joints, require

ROWS = (
    'keypoints', 'keypoints_cam', 'keypoints_visible', 'keypoints_valid', 'bbox', 'keypoints_native',
    'keypoints_cam_native', 'hand_center',
)  # fmt: skip
"""Keys whose arrays have a first dimension of 1 in a sample, and of N in a batch."""
GROUPS = ('camera', 'crop')
"""Keys that are dicts in a sample."""


class SampleBatch(dict):
    """N samples with the same keys as one dict: key -> N entries.

    :data:`ROWS` and ``warp_matrix`` are arrays (N, ...); ``camera`` and ``crop`` are dicts of arrays (N, ...);
    all other values, including pixels, are lists, or arrays if a transform made all entries at once.

    Attributes:
        size: N.
    """

    size: int

    @classmethod
    def of(cls, samples: Sequence[dict]) -> SampleBatch | None:
        """Return samples as a batch, or None if they differ in their keys or in the shapes of their labels.

        Entries that are None count as absent.
        """
        samples = [_present(sample) for sample in samples]
        first, batch = samples[0], cls()
        batch.size = len(samples)
        if any(sample.keys() != first.keys() for sample in samples):
            return None
        for key, value in first.items():
            column = [sample[key] for sample in samples]
            if key in GROUPS:
                if any(group.keys() != value.keys() for group in column):
                    return None
                batch[key] = {name: _stack([group[name] for group in column]) for name in value}
            elif key in ROWS or key == 'warp_matrix':
                batch[key] = _stack(column) if key == 'warp_matrix' else _join(column)
            else:
                batch[key] = column
            if batch[key] is None or (key in GROUPS and any(entries is None for entries in batch[key].values())):
                return None
        return batch

    def sample(self, i: int) -> dict:
        """Return sample ``i`` as a separate dict; its arrays are views."""
        return {key: self._entry(key, i) for key in self}

    def column(self, key: str) -> Sequence:
        """Return the value of a key in each sample."""
        return [self._entry(key, i) for i in range(self.size)]

    def _entry(self, key: str, i: int) -> object:
        column = self[key]
        if key in ROWS:
            return column[i : i + 1] if self.size > 1 else column
        if key in GROUPS:
            return {name: entries[i] for name, entries in column.items()}
        return column[i]

    def samples(self) -> list[dict]:
        """Return all samples."""
        return [self.sample(i) for i in range(self.size)]

    def replace(self, samples: Sequence[dict]) -> None:
        """Replace the samples by ones that were changed one by one, all in the same way."""
        changed = SampleBatch.of(samples)
        self.clear()
        self.update(changed)

    def require(self, transform: object, *keys: str) -> None:
        """Raise a ValueError naming the first sample, the transform and a remedy if a key is absent."""
        for key in keys:
            if key not in self:
                require(self.sample(0), transform, key)

    def labelled(self) -> np.ndarray:
        """Return which joints have a label, shape (N, 21), bool; see :func:`~.sample.labelled_joints`."""
        if self._joints_are_sound():
            valid = self.get('keypoints_valid')
            return np.ones((self.size, NUM_JOINTS), bool) if valid is None else valid > 0
        return np.stack([labelled_joints(sample) for sample in self.samples()])

    def check(self) -> None:
        """Check all labels, and zero those without a label; see :func:`~.sample.check_sample`."""
        cameras = self.get('camera', {}).items()
        if (
            self._joints_are_sound()
            and self.labelled().all()
            and not any(key in self for key in ('keypoints_native', 'keypoints_cam_native'))
            and set(self.get('hand_side', ())) <= set(SIDES)
            and ('camera' not in self or 'K' in self['camera'])
            and all(entries.shape[1:] == CAMERA_SHAPES.get(name, entries.shape[1:]) for name, entries in cameras)
        ):
            self['keypoints_valid'] = np.ones((self.size, NUM_JOINTS), np.float32)
            return
        samples = self.samples()
        for sample in samples:
            check_sample(sample)
        self.replace(samples)

    def _joints_are_sound(self) -> bool:
        """Whether no closer check is needed: right shapes, finite numbers."""
        for key, shape in JOINT_SHAPES.items():
            rows = self.get(key)
            if rows is None:
                continue
            if not isinstance(rows, np.ndarray) or rows.shape != (self.size, *shape[1:]) or not np.isfinite(rows).all():
                return False
        return True


class BatchTransform(BaseTransform):
    """Base of the transforms of whole batches; a single sample is a batch of one.

    A subclass implements :meth:`transform_batch`.
    """

    num_draws = 0
    """Number of random numbers per sample, uniform in [0, 1)."""
    is_last = False
    """Whether it replaces the batch by its results."""

    def transform(self, results: dict) -> dict:
        """Transform one sample; its random numbers come from ``numpy.random``.

        Raises:
            ValueError: If the sample lacks a key or is malformed; names it.
        """
        batch = SampleBatch.of([results])
        made = self.transform_batch(batch, np.random.random((1, self.num_draws)))
        if made is not None:
            return made[0]
        results.clear()
        results.update(batch.sample(0))
        return results

    def transform_batch(self, batch: SampleBatch, draws: np.ndarray) -> list[dict] | None:
        """Change a batch in place, or return its replacement, one dict per sample.

        Args:
            batch: The samples, in px of the image and mm of the camera frame.
            draws: Random numbers in [0, 1), shape (N, ``num_draws``).
        """
        raise NotImplementedError


def run_batch(transforms: Sequence[BatchTransform], samples: Sequence[dict] | SampleBatch, draws: np.ndarray) -> list:
    """Apply transforms to samples together, or one by one if their keys or shapes differ.

    Args:
        transforms: The transforms; only the last may replace the batch.
        samples: N samples, in px of the image and mm of the camera frame.
        draws: Random numbers in [0, 1), shape (N, D), where D is the sum of their ``num_draws``.

    Returns:
        N results.
    """
    batch = samples if isinstance(samples, SampleBatch) else SampleBatch.of(samples)
    if batch is None:
        return [run_batch(transforms, [sample], draws[i : i + 1])[0] for i, sample in enumerate(samples)]
    first = 0
    for transform in transforms:
        last = first + transform.num_draws
        made = transform.transform_batch(batch, draws[:, first:last])
        if made is not None:
            return made
        first = last
    return batch.samples()


def take_batches(transforms: Sequence[object]) -> bool:
    """Whether :func:`run_batch` can run these transforms: batch transforms, only the last replacing the batch."""
    kinds = [isinstance(transform, BatchTransform) for transform in transforms]
    return bool(kinds) and all(kinds) and not any(transform.is_last for transform in transforms[:-1])


def count_draws(transforms: Sequence[BatchTransform]) -> int:
    """Return the number of random numbers per sample for all of these transforms."""
    return sum(transform.num_draws for transform in transforms)


def empty_arrays(kinds: Mapping[str, tuple[tuple[int, ...], np.dtype]]) -> dict[str, np.ndarray]:
    """Return new, uninitialised arrays in one block of memory.

    The C library keeps one large block for the next batch, but returns many small ones to the system, which must then
    allocate and clear every page again: that takes longer than filling them with images. The block lives as long as any
    of the arrays, or of a batch's tensors that are views of them; copy samples that are kept for long.

    Args:
        kinds: Name -> shape and type.
    """
    sizes = [-(-int(np.prod(shape)) * np.dtype(dtype).itemsize // 64) * 64 for shape, dtype in kinds.values()]
    ends = np.cumsum([0, *sizes])
    block = np.empty(ends[-1], np.uint8)
    return {
        name: block[start : start + int(np.prod(shape)) * np.dtype(dtype).itemsize].view(dtype).reshape(shape)
        for (name, (shape, dtype)), start in zip(kinds.items(), ends)
    }


def _present(sample: dict) -> dict:
    """Return a sample without entries that are None, in it or in its camera."""
    return {
        key: {name: entry for name, entry in value.items() if entry is not None} if key in GROUPS else value
        for key, value in sample.items()
        if value is not None
    }


def _stack(column: list) -> np.ndarray | None:
    """Return values as one array with a new first dimension; None if their shapes differ."""
    arrays = [np.asarray(value) for value in column]
    return np.stack(arrays) if all(array.shape == arrays[0].shape for array in arrays) else None


def _join(column: list) -> np.ndarray | None:
    """Return arrays (1, ...) as one (N, ...); None if their shapes differ. A single one is returned as it is."""
    if len(column) == 1:
        return column[0]
    shapes = {np.shape(value) for value in column}
    return np.concatenate(column) if len(shapes) == 1 and shapes.pop()[:1] == (1,) else None
