"""Reading a teacher's cache: rows of the samples of a batch."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from os import PathLike
from pathlib import Path

import numpy as np
import torch
from mmpose.structures import PoseDataSample
from torch import Tensor

from handkd.array_files import read_npy
from handkd.hints import ConfigError

from .manifest import CacheManifest, digest_of_file, read_manifest
from .structure import rebuild, tensors_in


class TeacherCache:
    """Stored outputs of a teacher.

    The files are mapped into memory when a shard is first used; the operating system keeps one copy for all processes
    of a machine.

    Args:
        folder: Folder of the cache.
        name: The teacher's name, for errors.

    Raises:
        ConfigError: If the cache is missing or unfinished.
        ValueError: If its manifest is damaged.
    """

    def __init__(self, folder: str | PathLike, name: str) -> None:
        self.folder, self.name = Path(folder), name
        manifest = read_manifest(folder)
        if manifest is None or manifest.missing():
            state = 'is missing' if manifest is None else 'is unfinished'
            raise ConfigError(
                f'teacher_cache: the cache of the teacher {name!r} in {folder} {state}: `handkd train` makes it, or '
                'call handkd.artifacts.ensure_artifacts(cfg), or set teacher_cache=None to run the teacher'
            )
        self.manifest: CacheManifest = manifest
        self._maps: dict[int, list[np.ndarray]] = {}

    def check_layers(self, layers: Collection[str]) -> None:
        """Check that the outputs of layers are stored.

        Raises:
            ConfigError: If not; names the layer.
        """
        for layer in sorted(layers):
            if layer not in self.manifest.structures:
                raise ConfigError(
                    f'{self.folder} is stale: it lacks the layer {layer!r} of the teacher {self.name!r}, and has '
                    f'{sorted(self.manifest.structures)}: delete it, or name another folder'
                )

    def check_weights(self, checkpoint: str | PathLike) -> None:
        """Check that the outputs are those of a checkpoint.

        Raises:
            ConfigError: If not.
            FileNotFoundError: If the checkpoint is missing.
        """
        found, expected = digest_of_file(checkpoint), self.manifest.fingerprint['weights']
        if found != expected:
            raise ConfigError(
                f'{self.folder} is stale: the weights of the teacher {self.name!r} had the digest {expected}, but '
                f'{checkpoint} has {found}: delete it, or name another folder'
            )

    def read(
        self, data_samples: Sequence[PoseDataSample], layers: Collection[str], device: torch.device
    ) -> dict[str, object]:
        """Return the outputs on a batch as the teacher would give them.

        Args:
            data_samples: B samples with ``sample_idx``, and ``flip`` and ``flip_direction`` if they may be mirrored.
            layers: Names of the layers.
            device: Device of the result.

        Returns:
            Layer -> output on the batch, any unit and frame: tensors (B, ...) in the teacher's structure.

        Raises:
            ConfigError: If a sample has no number, or a number or mirroring that is not stored.
        """
        places = [self._place(sample) for sample in data_samples]
        structures = {layer: self.manifest.structures[layer] for layer in layers}
        leaves = {
            number: self._rows(number, places, device) for one in structures.values() for number in tensors_in(one)
        }
        return {layer: rebuild(structure, leaves) for layer, structure in structures.items()}

    def _rows(self, number: int, places: Sequence[tuple[int, int, int]], device: torch.device) -> Tensor:
        """Return the rows of a stored tensor."""
        form = self.manifest.leaves[number]
        rows = np.empty((len(places), *form.shape), form.numpy_dtype)
        for row, (shard, offset, variant) in zip(rows, places):
            row[...] = self._map(shard)[number][offset, variant]
        return form.to_tensor(rows, device)

    def _place(self, sample: PoseDataSample) -> tuple[int, int, int]:
        """Return shard, row in it, and mirroring of a sample."""
        index, variant = sample.get('sample_idx'), variant_of(sample)
        if index is None or not 0 <= index < self.manifest.length:
            raise ConfigError(
                f'{self.folder} has rows of {self.manifest.length} samples, but a sample of the batch has the number '
                f"{index} ('sample_idx' of its meta information): its data set is not that of the cache"
            )
        if variant not in self.manifest.variants:
            raise ConfigError(
                f'{self.folder} has no rows of samples mirrored as {variant!r}, found {self.manifest.variants}'
            )
        return *divmod(int(index), self.manifest.rows), self.manifest.variants.index(variant)

    def _map(self, shard: int) -> list[np.ndarray]:
        if shard not in self._maps:
            self._maps[shard] = [self._opened(shard, name, i) for i, name in enumerate(self.manifest.names(shard))]
        return self._maps[shard]

    def _opened(self, shard: int, name: str, leaf: int) -> np.ndarray:
        array, form = read_npy(self.folder / name, mapped=True), self.manifest.leaves[leaf]
        expected = (len(self.manifest.span(shard)), len(self.manifest.variants), *form.shape)
        if array.shape != expected or array.dtype != form.numpy_dtype:
            raise ValueError(
                f'{self.folder / name} is damaged: it has an array {array.shape} of {array.dtype}, expected '
                f'{expected} of {form.numpy_dtype}; delete this file, and its rows are computed again'
            )
        return array


def variant_of(sample: PoseDataSample) -> str:
    """Return the mirroring of a sample, one of :data:`~.manifest.VARIANTS`, from its meta information."""
    return (sample.get('flip_direction') or 'none') if sample.get('flip') else 'none'
