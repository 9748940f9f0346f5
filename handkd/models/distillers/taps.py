"""Reading the output of named submodules while a network runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from torch import nn

from handkd.hints import did_you_mean


def check_taps(module: nn.Module, names: Iterable[str], owner: str) -> None:
    """Check that a module has the submodules ``names``.

    Args:
        module: The network.
        names: Dotted names, such as ``'head.branches.x.relu2'``.
        owner: What the network is called in the error, such as ``"teacher 'depth'"``.

    Raises:
        ValueError: For a name that is not there; lists the nearest right ones.
    """
    known = [name for name, _ in module.named_modules() if name]
    for name in names:
        if name not in known:
            raise ValueError(f'{owner} has no layer named {name!r}; {did_you_mean(name, known)}')


@contextmanager
def record_taps(module: nn.Module, names: Iterable[str]) -> Iterator[dict[str, object]]:
    """Record the outputs of named submodules for as long as the context lasts.

    Args:
        module: The network.
        names: Dotted names of its submodules.

    Yields:
        A dict that each forward pass fills: name -> the submodule's output. Gradients flow through it.

    Example:
        >>> net = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
        >>> with record_taps(net, ['0']) as taps:
        ...     out = net(torch.zeros(1, 2))
        >>> taps['0'].shape
        torch.Size([1, 3])
    """
    outputs: dict[str, object] = {}

    def recorder(name: str):
        def hook(_module: nn.Module, _inputs: tuple, output: object) -> None:
            outputs[name] = output

        return hook

    handles = [module.get_submodule(name).register_forward_hook(recorder(name)) for name in names]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()
