"""Replacing the ``forward`` of one module for a while: MMPose's estimators call that of a head without hooks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import nn


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
