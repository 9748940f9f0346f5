"""Taps: outputs of named submodules, recorded while a network runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

from mmpose.models.heads.base_head import BaseHead
from torch import nn

from handkd.hints import did_you_mean

from ..wrapped_forward import wrapped_forward


def check_taps(module: nn.Module, names: Iterable[str], owner: str) -> None:
    """Check that a module has the submodules ``names``.

    Args:
        module: The network.
        names: Dotted names, such as ``'head.branches.x.relu2'``.
        owner: Name of the network in errors, such as ``"teacher 'depth'"``.

    Raises:
        ValueError: For a name that does not exist, with the nearest right ones.
    """
    known = [name for name, _ in module.named_modules() if name]
    for name in names:
        if name not in known:
            raise ValueError(f'{owner} has no layer named {name!r}; {did_you_mean(name, known)}')


class _Outputs(dict):
    """Outputs by name; a missing name belongs to a submodule that was not called."""

    def __missing__(self, name: str) -> object:
        raise ValueError(
            f'the layer {name!r} was not called in this forward pass, so it has no output; called were '
            f'{sorted(self)}: name another layer, such as one within it'
        )


@contextmanager
def record_taps(module: nn.Module, names: Iterable[str]) -> Iterator[dict[str, object]]:
    """Record the outputs of named submodules for as long as the context lasts.

    Args:
        module: The network.
        names: Dotted names of its submodules.

    Yields:
        A dict that each forward pass fills: name -> the submodule's output. Gradients flow through it. Reading a layer
        that did not run raises a ValueError that lists those that did.

    Example:
        >>> net = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
        >>> with record_taps(net, ['0']) as taps:
        ...     out = net(torch.zeros(1, 2))
        >>> taps['0'].shape
        torch.Size([1, 3])
    """
    outputs: dict[str, object] = _Outputs()

    def record(name: str, output: object) -> object:
        outputs[name] = output
        return output

    with ExitStack() as stack:
        for name in names:
            layer, keep = module.get_submodule(name), partial(record, name)
            if isinstance(layer, BaseHead):  # MMPose's estimators call the forward of their head without hooks
                stack.enter_context(wrapped_forward(layer, keep))
            else:
                handle = layer.register_forward_hook(lambda _module, _inputs, output, keep=keep: keep(output))
                stack.callback(handle.remove)
        yield outputs
