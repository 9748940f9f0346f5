"""The location loss of EKD's students."""

from __future__ import annotations

from torch import Tensor, nn

from handkd.registry import MODELS

from ..rows import batch_mean


def pose_l1(
    pred: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    depth_weight: float = 1.0,
    sample_weight: Tensor | None = None,
) -> Tensor:
    """Sum of absolute differences over the coordinates of a sample, averaged over the batch.

    Args:
        pred: Predicted poses, shape (B, K, 3), any unit, in the codec's frame.
        target: True poses, of the same shape, unit and frame.
        weight: Weight of each joint, shape (B, K), 0 where it has no label. Defaults to None: all 1.
        depth_weight: Weight of the third coordinate against the others; alpha of Iqbal et al. 2018. Defaults to 1.0.
        sample_weight: Weight of each sample in the mean, shape (B,), see :func:`~handkd.models.rows.batch_mean`.
            Defaults to None: all 1.

    Returns:
        A scalar, in the unit of ``pred``.
    """
    difference = (pred.float() - target.float()).abs()
    per_joint = difference[..., :2].sum(-1) + depth_weight * difference[..., 2]
    return batch_mean((per_joint if weight is None else per_joint * weight).sum(1), sample_weight)


@MODELS.register_module()
class PoseL1Loss(nn.Module):
    """:func:`pose_l1` with a weight.

    Args:
        depth_weight (float): Weight of the third coordinate against the others. Defaults to 1.0.
        loss_weight (float): Multiplies the loss. Defaults to 1.0.
    """

    def __init__(self, depth_weight: float = 1.0, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.depth_weight, self.loss_weight = depth_weight, loss_weight

    def forward(
        self, pred: Tensor, target: Tensor, weight: Tensor | None = None, sample_weight: Tensor | None = None
    ) -> Tensor:
        """Return the weighted loss of poses in the codec's frame, any unit; arguments as of :func:`pose_l1`."""
        return self.loss_weight * pose_l1(pred, target, weight, self.depth_weight, sample_weight)
