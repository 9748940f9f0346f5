"""Layers that a distiller compares: their names in both networks, and their outputs as float32."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from handkd.hints import ConfigError

from .base import last_level


def layer_pairs(
    layer: str | Sequence[str], teacher_layer: str | Sequence[str] | None, owner: str
) -> tuple[tuple[str, str], ...]:
    """Return the pairs (the student's layer, the teacher's layer) that a distiller compares.

    Args:
        layer: Name of the student's layer, or several names.
        teacher_layer: Name of the teacher's layer, or as many names; None for the student's names.
        owner: Name of the distiller in errors.

    Raises:
        ConfigError: If no layer is named, or the two have different numbers of names.
    """
    students = (layer,) if isinstance(layer, str) else tuple(layer)
    teachers = students if teacher_layer is None else teacher_layer
    teachers = (teachers,) if isinstance(teachers, str) else tuple(teachers)
    if not students:
        raise ConfigError(f"{owner}: layer names no layer, found {layer!r}; name one or more, such as 'backbone'")
    if len(students) != len(teachers):
        raise ConfigError(
            f'{owner}: layer names {len(students)} layers and teacher_layer {len(teachers)}: name the same number'
        )
    return tuple(zip(students, teachers))


def feature_map(output: object, owner: str) -> Tensor:
    """Return a layer's output as a feature map, shape (B, C, h, w), float32; of a pyramid, its last level.

    Args:
        output: The layer's output, any unit.
        owner: What the layer is, in errors, such as 'ChannelWise: student.backbone'.

    Raises:
        ValueError: If it is none.
    """
    features = last_level(output)
    if not isinstance(features, Tensor) or features.ndim != 4:
        found = tuple(features.shape) if isinstance(features, Tensor) else type(features).__name__
        raise ValueError(f'{owner} gives {found}, expected a feature map (B, C, h, w): name a layer of the backbone')
    return features.float()


def unit_vectors(vectors: Tensor) -> Tensor:
    """Divide vectors by their lengths; vectors of length 0 remain 0, and their gradient is finite.

    Args:
        vectors: Shape (..., D), any unit.

    Returns:
        The same shape, without unit.
    """
    lengths = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
    return vectors / torch.where(lengths > 0, lengths, 1)
