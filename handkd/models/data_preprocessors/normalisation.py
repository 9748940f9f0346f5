"""Normalisation of a modality by a data preprocessor, and conversion from one network's normalisation to another's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from mmengine.model import BaseDataPreprocessor, ImgDataPreprocessor
from torch import Tensor, nn

from handkd.hints import ConfigError


class Normalisation(NamedTuple):
    """A network's input as pixels * ``scale`` + ``shift``, channel by channel.

    Attributes:
        scale: One number per channel, in the network's channel order. Defaults to (): values are not changed.
        shift: As many numbers. Defaults to ().
        reverse: Whether the channels are those of the pipeline in reverse order. Defaults to False.
    """

    scale: tuple[float, ...] = ()
    shift: tuple[float, ...] = ()
    reverse: bool = False

    @classmethod
    def of(cls, mean: Sequence[float], std: Sequence[float], reverse: bool = False) -> Normalisation:
        """Return the normalisation (pixels - mean) / std."""
        return cls(tuple(1 / s for s in std), tuple(-m / s for m, s in zip(mean, std)), reverse)

    def __str__(self) -> str:
        if not self.scale:
            return 'values as they are' + ', channels reversed' * self.reverse
        mean, std = (
            [float(f'{value:.6g}') for value in values]
            for values in ([-b / a for a, b in zip(self.scale, self.shift)], [1 / a for a in self.scale])
        )
        return f'mean {mean}, std {std}' + ', channels reversed' * self.reverse

    def matches(self, other: Normalisation) -> bool:
        """Whether two give the same images, up to the rounding of their statistics in float32."""
        if self.reverse != other.reverse:
            return False
        count = max(len(self.scale), len(other.scale))
        return all(
            np.allclose(*pair, rtol=1e-6, atol=1e-6)
            for pair in zip(self._filled(count, False), other._filled(count, False))
        )

    def change_to(self, other: Normalisation) -> tuple[list[float], list[float]]:
        """Return scale and shift that convert images to the other normalisation, channels in the other's order."""
        count = max(len(self.scale), len(other.scale))
        (scale, shift), (new, offset) = self._filled(count, self.reverse != other.reverse), other._filled(count, False)
        ratios = [b / a for a, b in zip(scale, new)]
        return ratios, [b - a * ratio for a, b, ratio in zip(shift, offset, ratios)]

    def _filled(self, count: int, turned: bool) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return scale and shift with a number for each of ``count`` channels; ``turned`` reverses the channels."""
        pair = (self.scale, self.shift) if self.scale else ((1.0,) * count, (0.0,) * count)
        return tuple(values[::-1] for values in pair) if turned else pair


def normalisation_of(preprocessor: nn.Module | None, modality: str, owner: str) -> Normalisation:
    """Return the normalisation of a modality by a data preprocessor.

    Args:
        preprocessor: One of handkd's, MMPose's or MMEngine's, or None.
        modality: 'rgb', 'background' or 'depth'.
        owner: Name of its network, for errors.

    Raises:
        ConfigError: If it is of another kind and has no method ``normalisation(modality)``, pads images, or has
            statistics of another number of channels.
    """
    if hasattr(preprocessor, 'normalisation'):
        return preprocessor.normalisation(modality)
    if preprocessor is None or type(preprocessor) is BaseDataPreprocessor:
        return Normalisation()
    name = type(preprocessor).__name__
    if not isinstance(preprocessor, ImgDataPreprocessor):
        raise ConfigError(
            f'{owner}: how its data_preprocessor {name} normalises {modality} is not known: use HandDataPreprocessor, '
            'or give it a method normalisation(modality)'
        )
    if preprocessor.pad_size_divisor != 1:
        raise ConfigError(
            f'{owner}: its data_preprocessor {name} pads images (pad_size_divisor={preprocessor.pad_size_divisor}), '
            'which is impossible for a crop that student and teacher share: leave pad_size_divisor out'
        )
    return _of_mmengine(preprocessor, modality, f'{owner}: its data_preprocessor {name}')


def _of_mmengine(preprocessor: ImgDataPreprocessor, modality: str, owner: str) -> Normalisation:
    """Return the normalisation of MMEngine's and MMPose's preprocessors, which reverse three channels, not one."""
    channels = 1 if modality == 'depth' else 3
    reverse = channels == 3 and preprocessor._channel_conversion
    if not preprocessor._enable_normalize:
        return Normalisation(reverse=reverse)
    mean, std = (getattr(preprocessor, key).double().flatten().tolist() for key in ('mean', 'std'))
    if len(mean) not in (1, channels):
        raise ConfigError(
            f'{owner} has statistics of {len(mean)} channels, but {modality} has {channels}: use '
            f'HandDataPreprocessor, which has statistics per modality'
        )
    if len(mean) < channels:
        mean, std = mean * channels, std * channels
    return Normalisation.of(mean, std, reverse)


def renormalise(images: Tensor, given: Normalisation, wanted: Normalisation) -> Tensor:
    """Convert images from one network's normalisation to another's.

    Args:
        images: Images of the crop, normalised by ``given``, shape (B, C, H, W).
        given: Their normalisation.
        wanted: Normalisation of the result.

    Returns:
        The same shape; the same tensor if both normalisations are the same.
    """
    if given.matches(wanted):
        return images
    if given.reverse != wanted.reverse:
        images = images.flip(1)
    scale, shift = (torch.tensor(v, dtype=images.dtype, device=images.device) for v in given.change_to(wanted))
    return images * scale[:, None, None] + shift[:, None, None] if len(scale) else images
