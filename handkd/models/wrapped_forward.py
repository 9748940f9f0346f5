"""Replacing the ``forward`` of one module for a while: MMPose's estimators call that of a head without hooks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from mmpose.models.heads.base_head import BaseHead
from torch import Tensor, nn


@contextmanager
def wrapped_forward(module: nn.Module, change: Callable[[object], object]) -> Iterator[None]:
    """Pass the output of a module's ``forward`` through a function for as long as the context lasts.

    Unlike a forward hook it also applies where ``module.forward(...)`` is called directly. Contexts may be nested; the
    outer one gets the output first.

    Args:
        module: The module; its class is not changed.
        change: Called with each output; returns what the caller of ``forward`` gets.
    """
    own, before = vars(module), vars(module).get('forward')
    forward = module.forward

    def wrapped(*args: object, **kwargs: object) -> object:
        return change(forward(*args, **kwargs))

    own['forward'] = wrapped
    try:
        yield
    finally:
        if before is None:
            del own['forward']
        else:
            own['forward'] = before


@contextmanager
def float32_heads(network: nn.Module) -> Iterator[None]:
    """Let MMPose's heads in a network give float32 for as long as the context lasts.

    Under bfloat16 autocast their losses would be computed from rounded outputs, and their accuracies fail: numpy has no
    bfloat16. handkd's own heads end in :mod:`~handkd.models.float32_layers` instead.

    Args:
        network: The network; its heads' outputs keep their shapes, units and frames.
    """
    with ExitStack() as stack:
        for part in network.modules():
            if isinstance(part, BaseHead):
                stack.enter_context(wrapped_forward(part, _to_float32))
        yield


def _to_float32(output: object) -> object:
    """Convert the floating-point tensors of a head's output."""
    if isinstance(output, Tensor):
        return output.float() if output.is_floating_point() else output
    if isinstance(output, dict):
        return {key: _to_float32(value) for key, value in output.items()}
    return type(output)(map(_to_float32, output)) if isinstance(output, (tuple, list)) else output
