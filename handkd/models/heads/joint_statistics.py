"""Mean and standard deviation of each coordinate of root-relative joints, which standardise a regression target."""

from __future__ import annotations

import torch
from mmengine.dist import all_reduce
from torch import Tensor, nn

from handkd.hand import NUM_JOINTS

_STILL = 1e-3
"""Standard deviation in mm below which a coordinate counts as constant, such as those of the root."""


class JointStatistics(nn.Module):
    """Mean and standard deviation of each joint's coordinates over all labels that a network has been trained on.

    They are accumulated during training, from the labels that the network actually sees: none that the method may not
    use, all rotated by its augmentation. After the first pass over the labels they hardly change. They are buffers, so
    they are part of the network's checkpoint. Before the first label the mean is 0 and the deviation 1; a coordinate
    that does not vary has the deviation 1.
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer('count', torch.zeros(NUM_JOINTS))
        self.register_buffer('mean', torch.zeros(NUM_JOINTS, 3))
        self.register_buffer('squares', torch.zeros(NUM_JOINTS, 3))

    @torch.no_grad()
    def update(self, joints: Tensor, valid: Tensor) -> None:
        """Add the labels of a batch (of all processes).

        Args:
            joints: Relative to the root, camera axes, shape (B, 21, 3), mm.
            valid: Which joints have a label (nonzero), shape (B, 21).
        """
        there = (valid > 0).float()
        away = (joints.float() - self.mean) * there[..., None]
        sums = torch.cat([there.sum(0)[:, None], away.sum(0), away.square().sum(0)], dim=1)
        all_reduce(sums)
        number, away, squares = sums[:, 0], sums[:, 1:4], sums[:, 4:]
        self.count += number
        shift = away / self.count.clamp(min=1)[:, None]
        self.mean += shift
        self.squares += squares - shift * away

    @property
    def deviation(self) -> Tensor:
        """Standard deviations, shape (21, 3), mm."""
        deviation = (self.squares / self.count.clamp(min=1)[:, None]).clamp(min=0).sqrt()
        return torch.where(deviation > _STILL, deviation, 1.0)

    def standardise(self, joints: Tensor) -> Tensor:
        """Return (joints - mean) / deviation.

        Args:
            joints: Relative to the root, camera axes, shape (..., 21, 3), mm.

        Returns:
            Standardised joints of the same shape.
        """
        return (joints - self.mean) / self.deviation

    def restore(self, pose: Tensor) -> Tensor:
        """Return joints relative to the root, shape (..., 21, 3), mm, camera axes: inverse of :meth:`standardise`."""
        return pose * self.deviation + self.mean
