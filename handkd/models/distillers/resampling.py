"""Conversion of distributions over positions in the crop to another number of bins."""

from __future__ import annotations

import torch
from torch import Tensor

from ..float32_layers import without_autocast


def resample_distribution(probability: Tensor, length: int, offset: float | None = None) -> Tensor:
    """Move the probabilities of equal bins to bins of another size.

    The mass of a bin is spread evenly over its range, and each point of it is divided between the two new bins whose
    centres are next to it, in proportion to its nearness. So the sum and the mean position do not change; only mass
    beyond the outermost centres goes to these.

    Args:
        probability: Probability of each of L bins of any unit along an axis of the crop, shape (..., L), float32.
        length: Number L' of the new bins.
        offset: Position of the centre of bin 0, in new bins, where the centre of new bin 0 is 0. Defaults to None: both
            cover the same range, (L' / L - 1) / 2.

    Returns:
        Probability of each new bin, shape (..., L').
    """
    scale = length / probability.shape[-1]
    centre = torch.arange(probability.shape[-1], dtype=torch.float64) * scale
    centre = (centre + ((scale - 1) / 2 if offset is None else offset))[:, None] - torch.arange(length - 1)
    # Share of each bin (a row) in the new bins 0 to j: the integral over its range of what a point gives to them.
    share = (_integral(centre + scale / 2) - _integral(centre - scale / 2)) / scale
    share = (
        torch.cat([torch.zeros_like(centre[:, :1]), share, torch.ones_like(centre[:, :1])], 1).diff(dim=1).clamp(min=0)
    )
    with without_autocast(probability.device):
        return probability @ share.to(probability)


def _integral(place: Tensor) -> Tensor:
    """Integrate a function of the place in bins: 1 below 0, falling to 0 at 1."""
    part = place.clamp(0, 1)
    return place.clamp(max=0) + part - part.square() / 2
