"""Last layers that compute in float32 under autocast.

bfloat16 has 8 significant bits: the output of a last layer would be rounded to 1 part in 256, which is half a
millimetre for a joint at the edge of a hand, and moves some angles out of their limits.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ['Float32', 'Float32Conv2d', 'Float32Linear']


class Float32(nn.Module):
    """Mixin, listed before a layer's class: the layer computes in its weights' precision even under autocast."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the layer's output in the precision of its weights.

        Args:
            inputs: Features or a feature map, shape (B, C, ...), any unit.
        """
        device = inputs.device.type
        if not torch.amp.is_autocast_available(device):  # 'meta', used for counting operations
            return super().forward(inputs)
        with torch.autocast(device, enabled=False):
            return super().forward(inputs.to(self.weight.dtype))


class Float32Linear(Float32, nn.Linear):
    """A fully connected layer that computes in float32 under autocast."""


class Float32Conv2d(Float32, nn.Conv2d):
    """A convolution that computes in float32 under autocast."""
