"""Parts of a student that do not learn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn

from handkd.hints import ConfigError, did_you_mean


def freeze_parts(network: nn.Module, names: Sequence[str]) -> None:
    """Freeze the parameters of named parts of a network: they have no gradient, and so no weight decay either.

    Args:
        network: The network, changed in place.
        names: Dotted names of its parts, such as ['backbone', 'neck'].

    Raises:
        ConfigError: If ``names`` is no list, or a part does not exist, with the nearest right names, or nothing would
            learn.
    """
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        raise ConfigError(
            f"frozen must be a list of parts of the student such as ['backbone', 'neck'], found {names!r}"
        )
    known = [name for name, _ in network.named_modules() if name]
    for name in names:
        if name not in known:
            raise ConfigError(f'frozen: the student has no part {name!r}; {did_you_mean(name, known)}')
        network.get_submodule(name).requires_grad_(False)
    if names and not any(parameter.requires_grad for parameter in network.parameters()):
        raise ConfigError(f'frozen={list(names)} leaves nothing of the student that learns: name fewer parts')


def check_something_learns(frozen: Sequence[str], taps: Mapping[str, object], name: str, read: Iterable[str]) -> None:
    """Check in a training step that a distiller reads an output on which a part that learns has an effect.

    A frozen layer may be read if the layers before it learn: a frozen head lets gradients through to the backbone.

    Args:
        frozen: Names of the frozen parts; without any the check is left out, as it is without gradients.
        taps: Outputs of the student's layers by name: tensors (B, ...), any unit, or tuples, lists and dicts of them.
        name: Name of the distiller.
        read: The student's layers that it reads.

    Raises:
        ConfigError: If not; names the distiller.
    """
    read = tuple(read)
    if not frozen or not read or not torch.is_grad_enabled() or any(_learns(taps[layer]) for layer in read):
        return
    raise ConfigError(
        f'distillers.{name} reads {list(read)} of the student, on which nothing has an effect that learns: '
        f'frozen={list(frozen)}; name a layer after a part that learns, or leave the distiller out ({name}=None)'
    )


def _learns(output: object) -> bool:
    """Whether a tensor of a layer's output has a gradient."""
    if isinstance(output, Tensor):
        return output.requires_grad
    if isinstance(output, Mapping):
        return any(map(_learns, output.values()))
    return isinstance(output, (tuple, list)) and any(map(_learns, output))
