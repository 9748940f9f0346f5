"""How long the bones of a hand are on average, which gives a hand of unknown size its millimetres."""

from __future__ import annotations

import torch
from mmengine.dist import all_reduce
from torch import Tensor, nn

from handkd.hand import BONES

_PARENTS, _CHILDREN = ([bone[end] for bone in BONES] for end in (0, 1))


class BoneLengths(nn.Module):
    """The mean length of each bone over all labelled hands that a network has been trained on.

    They are buffers, so that they travel with the network's checkpoint.
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer('mean', torch.zeros(len(BONES)))
        self.register_buffer('count', torch.zeros(()))

    @torch.no_grad()
    def update(self, joints: Tensor, valid: Tensor) -> None:
        """Take in hands all of whose joints have a label; of several processes, those of all.

        Args:
            joints: Shape (B, 21, 3), mm.
            valid: Which joints have a label (nonzero), shape (B, 21).
        """
        whole = (valid > 0).all(1).float()
        sums = torch.cat([(bone_lengths(joints) * whole[:, None]).sum(0), whole.sum()[None]])
        all_reduce(sums)
        self.count += sums[-1]
        self.mean += (sums[:-1] - sums[-1] * self.mean) / self.count.clamp(min=1)

    def scale_of(self, joints: Tensor) -> Tensor | None:
        """Return the factor that takes hands to the mean size: the least squares of their bones' lengths.

        Args:
            joints: Shape (B, 21, 3), any unit.

        Returns:
            mm a unit, shape (B,); None if no hand has been taken in.
        """
        if not self.count:
            return None
        lengths = bone_lengths(joints)
        return (lengths * self.mean).sum(-1) / lengths.square().sum(-1).clamp(min=1e-12)


def bone_lengths(joints: Tensor) -> Tensor:
    """Return the lengths of the 20 bones, in the order of :data:`~handkd.hand.BONES`, of joints (..., 21, 3)."""
    return (joints[..., _CHILDREN, :] - joints[..., _PARENTS, :]).norm(dim=-1)
