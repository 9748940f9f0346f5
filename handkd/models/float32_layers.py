"""Last layers that compute in float32 under autocast.

bfloat16 has 8 significant bits: the output of a last layer would be rounded to 1 part in 256, which is half a
millimetre for a joint at the edge of a hand, and moves some angles out of their limits.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

__all__ = ['Float32', 'Float32Conv2d', 'Float32Linear', 'without_autocast']


def without_autocast(device: torch.device) -> AbstractContextManager:
    """Return a context in which operations on a device keep the precision of their operands.

    Args:
        device: The device. One that has no autocast, such as 'meta' (used for counting operations), has no effect.
    """
    if not torch.amp.is_autocast_available(device.type):
        return nullcontext()
    return torch.autocast(device.type, enabled=False)


class Float32(nn.Module):
    """Mixin, listed before a layer's class: the layer computes in its weights' precision even under autocast."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the layer's output in the precision of its weights.

        Args:
            inputs: Features or a feature map, shape (B, C, ...), any unit.
        """
        with without_autocast(inputs.device):
            return super().forward(inputs.to(self.weight.dtype))


class Float32Linear(Float32, nn.Linear):
    """A fully connected layer that computes in float32 under autocast."""


class Float32Conv2d(Float32, nn.Conv2d):
    """A convolution that computes in float32 under autocast."""
