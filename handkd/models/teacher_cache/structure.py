"""A teacher's outputs as plain arrays: tensors of a batch in nested tuples, lists and dicts, and back."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from math import prod

import numpy as np
import torch
from torch import Tensor

from handkd.hints import ConfigError

STORED = ('float16', 'bfloat16', 'float32', 'exact')
"""Types in which numbers may be stored; 'exact' is the type that the teacher gives."""
_BITS = {torch.bfloat16: torch.int16}
"""Types that NumPy lacks -> type with the same bits."""


@dataclass(frozen=True)
class LeafForm:
    """Form of one tensor among a teacher's outputs, without the batch.

    Attributes:
        shape: Shape of a row as stored: (H, W, C) of a feature map with ``channels_last``.
        dtype: Type that the teacher gives, such as 'float32'.
        stored: Type in which it is stored.
        channels_last: Whether a batch lies in memory as (B, H, W, C); restored on reading, since the order of a sum
            decides the last bit of a loss.
    """

    shape: tuple[int, ...]
    dtype: str
    stored: str
    channels_last: bool

    @classmethod
    def of(cls, tensor: Tensor, stored: str) -> LeafForm:
        """Return the form of a tensor.

        Args:
            tensor: Any unit and frame, shape (B, ...).
            stored: One of :data:`STORED`; whole numbers, bools and float64 keep their type.
        """
        last = tensor.dim() == 4 and not tensor.is_contiguous()
        last = last and tensor.is_contiguous(memory_format=torch.channels_last)
        kind = _name(tensor.dtype)
        keeps = stored == 'exact' or not tensor.is_floating_point() or tensor.dtype == torch.float64
        shape = (tensor.permute(0, 2, 3, 1) if last else tensor).shape[1:]
        return cls(tuple(shape), kind, kind if keeps else stored, last)

    @property
    def bytes(self) -> int:
        """Size of a row in bytes."""
        return prod(self.shape) * _torch(self.stored).itemsize

    @property
    def numpy_dtype(self) -> np.dtype:
        """Type of the stored array."""
        return torch.empty(0, dtype=_BITS.get(_torch(self.stored), _torch(self.stored))).numpy().dtype

    def to_rows(self, tensor: Tensor, where: str) -> np.ndarray:
        """Return a tensor as stored.

        Args:
            tensor: Any unit and frame, shape (B, ...).
            where: Name of the tensor in errors.

        Returns:
            Shape (B, *shape).

        Raises:
            ConfigError: If it has values beyond the range of the stored type.
        """
        tensor = (tensor.permute(0, 2, 3, 1) if self.channels_last else tensor).detach().cpu()
        kept = tensor.to(_torch(self.stored)).contiguous()
        if self.stored != self.dtype and not torch.equal(kept.isfinite(), tensor.isfinite()):
            raise ConfigError(
                f'teacher_cache: {where} has values up to {tensor.abs().max().item():.3g}, beyond the range of '
                f"{self.stored}: set teacher_cache.dtype='bfloat16' or 'exact'"
            )
        return kept.view(_BITS.get(kept.dtype, kept.dtype)).numpy()

    def to_tensor(self, rows: np.ndarray, device: torch.device) -> Tensor:
        """Return stored rows as the teacher gives them.

        Args:
            rows: Any unit and frame, shape (B, *shape).
            device: Device of the result.

        Returns:
            Shape (B, ...), in the type and memory layout of the teacher's.
        """
        tensor = torch.from_numpy(rows).view(_torch(self.stored)).to(device).to(_torch(self.dtype))
        return tensor.permute(0, 3, 1, 2) if self.channels_last else tensor

    def as_json(self) -> dict:
        """Return the form as plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict) -> LeafForm:
        """Return the form that :meth:`as_json` gave.

        Raises:
            TypeError, ValueError, AttributeError: If it is none.
        """
        form = cls(**dict(data, shape=tuple(int(size) for size in data['shape'])))
        _torch(form.dtype), _torch(form.stored)
        return form


def flatten(value: object, where: str, first: int = 0) -> tuple[object, list[tuple[str, Tensor]]]:
    """Take a nested output apart.

    Args:
        value: Tensors (B, ...), any unit and frame, in tuples, named tuples, lists and dicts; None is kept.
        where: Name of the output, as in 'neck'.
        first: Number of its first tensor. Defaults to 0.

    Returns:
        The structure as plain data, in which a number stands for a tensor; and the tensors with their names, such as
        'neck.0'.

    Raises:
        ConfigError: If it holds anything else.
    """
    leaves: list[tuple[str, Tensor]] = []

    def walk(node: object, name: str) -> object:
        if node is None:
            return None
        if isinstance(node, Tensor):
            leaves.append((name, node))
            return first + len(leaves) - 1
        if isinstance(node, dict):
            return {'dict': {key: walk(item, f'{name}.{key}') for key, item in node.items()}}
        if isinstance(node, (tuple, list)):
            fields = getattr(node, '_fields', None)
            items = [walk(item, f'{name}.{fields[i] if fields else i}') for i, item in enumerate(node)]
            if fields:
                return {'named': [type(node).__name__, list(fields)], 'items': items}
            return {'tuple' if isinstance(node, tuple) else 'list': items}
        raise ConfigError(
            f'teacher_cache: {name} is a {type(node).__name__}, but only tensors in tuples, lists and dicts can be '
            'stored: let the distiller read another layer, or set teacher_cache=None'
        )

    return walk(value, where), leaves


def tensors_in(structure: object) -> list[int]:
    """Return the numbers of the tensors in a structure of :func:`flatten`."""
    if structure is None:
        return []
    if isinstance(structure, int):
        return [structure]
    items = next((structure[kind] for kind in ('items', 'tuple', 'list') if kind in structure), None)
    return [number for item in (structure['dict'].values() if items is None else items) for number in tensors_in(item)]


def rebuild(structure: object, leaves: Sequence[object] | Mapping[int, object]) -> object:
    """Put a nested output together.

    Args:
        structure: As :func:`flatten` returns it; a named tuple becomes one with the same fields.
        leaves: What stands in the place of each tensor, by its number.

    Raises:
        KeyError, IndexError, TypeError, ValueError: If the structure is damaged.
    """
    if structure is None:
        return None
    if isinstance(structure, int):
        return leaves[structure]
    if 'dict' in structure:
        return {key: rebuild(item, leaves) for key, item in structure['dict'].items()}
    if 'named' in structure:
        name, fields = structure['named']
        return _named(name, tuple(fields))(*(rebuild(item, leaves) for item in structure['items']))
    kind = tuple if 'tuple' in structure else list
    return kind(rebuild(item, leaves) for item in structure[kind.__name__])


@lru_cache
def _named(name: str, fields: tuple[str, ...]) -> type:
    return namedtuple(name, fields)  # noqa: PYI024 (the fields are known only now)


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix('torch.')


def _torch(name: str) -> torch.dtype:
    found = getattr(torch, name)
    if not isinstance(found, torch.dtype):
        raise ValueError(f'no type of numbers {name!r}')
    return found
