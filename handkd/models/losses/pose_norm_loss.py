"""The regression loss of PMD-Net."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from handkd.registry import MODELS

from ..rows import batch_mean


def pose_norm(
    pred: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    eps: float = 1e-12,
    sample_weight: Tensor | None = None,
) -> Tensor:
    """Euclidean distance between whole poses, averaged over the batch (PMD-Net, Eq. 1).

    The root is taken once, over all coordinates of all joints of a sample, not joint by joint, and not over the batch.

    Args:
        pred: Predicted coordinates, shape (B, K, 3), any unit, in the codec's frame.
        target: True coordinates, shape (B, K, 3), the same unit and frame.
        weight: Weight of each joint, shape (B, K), 0 where it has no label. Defaults to None: all 1.
        eps: Added under the root, whose derivative at 0 is infinite. Defaults to 1e-12.
        sample_weight: Weight of each sample in the mean, shape (B,), see :func:`~handkd.models.rows.batch_mean`.
            Defaults to None: all 1.

    Returns:
        A scalar, in the unit of ``pred``.
    """
    squared = (pred.float() - target.float()).square().sum(-1)
    if weight is not None:
        squared = squared * weight
    return batch_mean(torch.sqrt(squared.sum(-1) + eps), sample_weight)


@MODELS.register_module()
class PoseNormLoss(nn.Module):
    """:func:`pose_norm` with a weight.

    Args:
        loss_weight (float): Multiplies the loss; alpha of PMD-Net, Eq. 5. Defaults to 1.0.
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(
        self, pred: Tensor, target: Tensor, weight: Tensor | None = None, sample_weight: Tensor | None = None
    ) -> Tensor:
        """Return the weighted loss of poses in the codec's frame, any unit; arguments as of :func:`pose_norm`."""
        return self.loss_weight * pose_norm(pred, target, weight, sample_weight=sample_weight)
