"""Last layers that compute in float32 under autocast.

bfloat16 has 8 bits: what a last layer puts out in it is rounded to 1 part in 256, which for a joint at the edge of a
hand is half a millimetre, and turns some angles that keep their limits into ones that do not.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ['Float32', 'Float32Conv2d', 'Float32Linear']


class Float32(nn.Module):
    """Comes before a layer's class among the bases: the layer computes in its weights' precision under autocast too."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Return what the layer makes of the inputs, in the precision of its weights."""
        device = inputs.device.type
        if not torch.amp.is_autocast_available(device):  # 'meta', on which work is counted
            return super().forward(inputs)
        with torch.autocast(device, enabled=False):
            return super().forward(inputs.to(self.weight.dtype))


class Float32Linear(Float32, nn.Linear):
    """A fully connected layer that computes in float32 under autocast."""


class Float32Conv2d(Float32, nn.Conv2d):
    """A convolution that computes in float32 under autocast."""
