"""Parts of a student that do not learn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from torch import nn

from handkd.hints import ConfigError, did_you_mean


def freeze_parts(network: nn.Module, names: Sequence[str]) -> None:
    """Freeze the parameters of named parts of a network: they have no gradient, and so no weight decay either.

    Args:
        network: The network, changed in place.
        names: Dotted names of its parts, such as ['backbone', 'neck'].

    Raises:
        ConfigError: If ``names`` is no list, or a part does not exist, with the nearest right names.
    """
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise ConfigError(
            f"frozen must be a list of parts of the student such as ['backbone', 'neck'], found {names!r}"
        )
    known = [name for name, _ in network.named_modules() if name]
    for name in names:
        if name not in known:
            raise ConfigError(f'frozen: the student has no part {name!r}; {did_you_mean(name, known)}')
        network.get_submodule(name).requires_grad_(False)


def check_something_learns(frozen: Sequence[str], layers: Mapping[str, Iterable[str]]) -> None:
    """Check that each distiller reads a layer outside of the frozen parts, where its gradient can have an effect.

    Args:
        frozen: Names of the frozen parts.
        layers: The student's layers that each distiller reads, by the distiller's name.

    Raises:
        ConfigError: If not; names the distiller.
    """
    for name, read in layers.items():
        read = tuple(read)
        if read and all(f'{layer}.'.startswith(tuple(f'{part}.' for part in frozen)) for layer in read):
            raise ConfigError(
                f'distillers.{name} reads {list(read)} of the student, which frozen={list(frozen)} keeps as it is: '
                f"name another layer, such as 'head', or leave the distiller out ({name}=None)"
            )
