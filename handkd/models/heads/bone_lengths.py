"""Mean bone lengths of the training hands, which give the scale in mm to a hand of unknown size."""

from __future__ import annotations

import torch
from mmengine.dist import all_reduce
from torch import Tensor, nn

from handkd.hand import BONES

_PARENTS, _CHILDREN = ([bone[end] for bone in BONES] for end in (0, 1))


class BoneLengths(nn.Module):
    """Mean length of each bone over all labelled hands that a network has been trained on.

    The means are buffers, so they are part of the network's checkpoint.
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer('mean', torch.zeros(len(BONES)))
        self.register_buffer('count', torch.zeros(()))

    @torch.no_grad()
    def update(self, joints: Tensor, valid: Tensor) -> None:
        """Add the hands of a batch (of all processes) whose joints all have a label.

        Args:
            joints: Shape (B, 21, 3), mm, any frame.
            valid: Which joints have a label (nonzero), shape (B, 21).
        """
        whole = (valid > 0).all(1).float()
        sums = torch.cat([(bone_lengths(joints) * whole[:, None]).sum(0), whole.sum()[None]])
        all_reduce(sums)
        self.count += sums[-1]
        self.mean += (sums[:-1] - sums[-1] * self.mean) / self.count.clamp(min=1)

    def scale_of(self, joints: Tensor) -> Tensor | None:
        """Return the factor that scales hands to the mean size, by least squares over their bone lengths.

        Args:
            joints: Shape (B, 21, 3), any unit, any frame.

        Returns:
            mm per unit, shape (B,); None if no hand has been added.
        """
        if not self.count:
            return None
        lengths = bone_lengths(joints)
        return (lengths * self.mean).sum(-1) / lengths.square().sum(-1).clamp(min=1e-12)


def bone_lengths(joints: Tensor) -> Tensor:
    """Return the lengths of the 20 bones, in the order of :data:`~handkd.hand.BONES`.

    Args:
        joints: Shape (..., 21, 3), any unit, any frame.

    Returns:
        Shape (..., 20), in the unit of the joints.
    """
    return (joints[..., _CHILDREN, :] - joints[..., _PARENTS, :]).norm(dim=-1)
