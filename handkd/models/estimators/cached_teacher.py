"""A kind of teacher that does not run: its outputs were computed once and are read from files."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor, nn

from ..teacher_cache import CROP, TeacherCache, crop_matrices, move_response
from .teacher import Teacher


class CachedTeacher(Teacher):
    """Stored outputs of a :class:`~.frozen_teacher.FrozenTeacher`, made by ``teacher_cache`` of a config.

    If the crop of the training is moved at random (``teacher_cache.replay='warp'``), responses are moved with it.
    Neither its network is built nor its checkpoint loaded; the file's checksum must be that of the cache.

    Args:
        name: Its name, for errors.
        spec: Settings of the frozen teacher, and ``cache``, the folder with its outputs.
        student: The student; not used by this kind.
        preprocessor: The preprocessor of the student's batch; not used by this kind.

    Raises:
        ConfigError: If the cache is missing or unfinished, or comes from other weights.
        FileNotFoundError: If the checkpoint is missing.
    """

    KEYS = ('model', 'checkpoint', 'input_size', 'cache')

    def __init__(self, name: str, spec: dict, student: nn.Module, preprocessor: nn.Module) -> None:
        self._cache = TeacherCache(spec['cache'], name)
        self._cache.check_weights(spec['checkpoint'])
        self.modalities = tuple(self._cache.manifest.fingerprint['modalities'])

    def check_taps(self, layers: Collection[str]) -> None:
        """Check that the outputs of some layers are stored.

        Raises:
            ConfigError: If not; names the layer.
        """
        self._cache.check_layers(layers)

    def run(self, inputs: dict[str, Tensor], data_samples: list, layers: Collection[str]) -> Mapping[str, object]:
        """Return the stored outputs of some layers by name.

        Args:
            inputs: Images of the crop by modality, each of shape (B, C, H, W); only their size and device are used.
            data_samples: One ``PoseDataSample`` per image, with its number in the data set.
            layers: Names of the layers.
        """
        images = next(iter(inputs.values()))
        moved = self._cache.manifest.fingerprint.get('moved', False)
        outputs = self._cache.read(data_samples, [*layers, CROP] if moved else layers, images.device)
        if not moved:
            return outputs
        moves = crop_matrices(data_samples) @ torch.linalg.inv(outputs.pop(CROP).cpu())
        size = (images.shape[3], images.shape[2])
        return {layer: move_response(output, moves, size) for layer, output in outputs.items()}
