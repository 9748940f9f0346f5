"""Writing a teacher's cache: shard by shard, resuming where an earlier run stopped."""

from __future__ import annotations

import io
import shutil
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from torch import Tensor

from handkd.files import remove_leftovers, write_atomically
from handkd.hints import ConfigError

from .manifest import CacheManifest
from .structure import LeafForm, flatten


class Step(NamedTuple):
    """A batch to compute.

    Attributes:
        shard: Number of the shard.
        variant: Number of the mirroring.
        indices: Samples; repeated at the end so that all batches have one size, which decides the last bit of a
            network's output.
        count: Number of samples that are stored: without the repeated ones.
    """

    shard: int
    variant: int
    indices: list[int]
    count: int


def plan(manifest: CacheManifest, batch_size: int) -> Iterator[Step]:
    """Yield the batches that are still to be computed, shard by shard.

    Args:
        manifest: The manifest.
        batch_size: Samples in a batch.
    """
    for shard in manifest.missing():
        span = manifest.span(shard)
        for variant in range(len(manifest.variants)):
            for start in range(span.start, span.stop, batch_size):
                stored = range(start, min(start + batch_size, span.stop))
                indices = [stored[i % len(stored)] for i in range(batch_size)]
                yield Step(shard, variant, indices, len(stored))


def describe(
    fingerprint: dict,
    length: int,
    variants: list[str],
    outputs: Mapping[str, object],
    batch_size: int,
    stored: str,
    shard_bytes: float,
) -> CacheManifest:
    """Return the manifest of a cache without rows, from the outputs of one batch.

    Args:
        fingerprint: What it is made from.
        length: Number of samples.
        variants: Names of the mirrorings.
        outputs: Layer -> output on a batch, any unit and frame.
        batch_size: Samples in that batch; a shard has a multiple of it.
        stored: Type of the stored numbers, see :data:`~.structure.STORED`.
        shard_bytes: Approximate size of a shard.

    Raises:
        ConfigError: If an output can't be stored.
    """
    structures, leaves = _take_apart(outputs)
    for name, leaf in leaves:
        if leaf.dim() == 0 or len(leaf) != batch_size:
            raise ConfigError(
                f'teacher_cache: {name} has shape {tuple(leaf.shape)}, expected a first dimension of {batch_size}, the '
                'batch: let the distiller read another layer, or set teacher_cache=None'
            )
    manifest = CacheManifest(
        fingerprint, length, variants, length, structures, [LeafForm.of(leaf, stored) for _, leaf in leaves]
    )
    batches = max(1, int(shard_bytes // (batch_size * manifest.row_bytes or 1)))
    manifest.rows = min(length, batches * batch_size)
    return manifest


def check_space(folder: Path, manifest: CacheManifest) -> int:
    """Return the size in bytes of the rows that are still to be written, after checking the disk's free space.

    Raises:
        OSError: If there is less; names the folder and both sizes.
    """
    needed = sum(len(manifest.span(shard)) for shard in manifest.missing()) * manifest.row_bytes
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise OSError(
            f'{folder}: the teacher cache needs {said_size(needed)}, but the disk has {said_size(free)} free: name '
            "another disk with teacher_cache.folder, or store less: teacher_cache.dtype='float16', or distillers of "
            'smaller layers'
        )
    return needed


def said_size(number: int) -> str:
    """Return a number of bytes as text, such as '1.4 GB'."""
    power = next((i for i in range(3) if number < 1000 ** (i + 1)), 3)
    return f'{number} bytes' if power == 0 else f'{number / 1000**power:.1f} {("kB", "MB", "GB")[power - 1]}'


class ShardWriter:
    """Collects the outputs of batches, in the order of :func:`plan`, and writes each shard when it is complete.

    A shard counts as finished once the manifest says so, which is written after its files.

    Args:
        folder: Folder of the cache, which no other process writes to.
        manifest: Its manifest, which is updated.
    """

    def __init__(self, folder: Path, manifest: CacheManifest) -> None:
        self.folder, self.manifest = folder, manifest
        folder.mkdir(parents=True, exist_ok=True)
        remove_leftovers(folder, '*.npy', '*.json')
        manifest.write(folder)
        self._shard: int | None = None
        self._filled = 0
        self._arrays: list[np.ndarray] = []

    def add(self, step: Step, outputs: Mapping[str, object]) -> None:
        """Store the outputs of a batch.

        Args:
            step: The batch.
            outputs: Layer -> output on it, any unit and frame.

        Raises:
            ConfigError: If they have another form than those of the first batch, or numbers beyond the stored type.
            OSError: If a shard can't be written.
        """
        manifest, span = self.manifest, self.manifest.span(step.shard)
        if step.shard != self._shard:
            shape = (len(span), len(manifest.variants))
            self._arrays = [np.empty((*shape, *leaf.shape), leaf.numpy_dtype) for leaf in manifest.leaves]
            self._shard, self._filled = step.shard, 0
        first = step.indices[0] - span.start
        for (name, tensor), form, array in zip(self._leaves(outputs, len(step.indices)), manifest.leaves, self._arrays):
            array[first : first + step.count, step.variant] = form.to_rows(tensor[: step.count], name)
        self._filled += step.count
        if self._filled == len(span) * len(manifest.variants):
            self._write()

    def _leaves(self, outputs: Mapping[str, object], batch_size: int) -> list[tuple[str, Tensor]]:
        structures, leaves = _take_apart(outputs)
        for (name, leaf), form in zip(leaves, self.manifest.leaves):
            found = LeafForm.of(leaf, form.stored)
            if len(leaf) != batch_size or (found.shape, found.dtype) != (form.shape, form.dtype):
                raise ConfigError(
                    f'teacher_cache: {name} has rows of shape {found.shape} and type {found.dtype}, but those of the '
                    f'first batch had {form.shape} and {form.dtype}: only outputs of one form can be stored'
                )
        if structures != self.manifest.structures:
            raise ConfigError('teacher_cache: the outputs of two batches have other structures and cannot be stored')
        return leaves

    def _write(self) -> None:
        for name, array in zip(self.manifest.names(self._shard), self._arrays):
            file = io.BytesIO()
            np.save(file, array, allow_pickle=False)
            content = file.getvalue()
            write_atomically(self.folder / name, content)
            self.manifest.record(self.folder, name, zlib.crc32(content))
        self.manifest.write(self.folder)


def _take_apart(outputs: Mapping[str, object]) -> tuple[dict[str, object], list[tuple[str, Tensor]]]:
    """Return the structure of each layer's output, with numbers in one list of tensors, and these with their names."""
    leaves: list[tuple[str, Tensor]] = []
    structures = {}
    for layer in sorted(outputs):
        structures[layer], found = flatten(outputs[layer], layer, len(leaves))
        leaves += found
    return structures, leaves
