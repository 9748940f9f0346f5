"""The loss of heat maps in Zimmermann and Brox's PoseNet."""

from __future__ import annotations

from torch import Tensor, nn

from handkd.registry import MODELS


def heatmap_rmse(
    pred: Tensor, target: Tensor, weight: Tensor, eps: float = 1e-12, sample_weight: Tensor | None = None
) -> Tensor:
    """Root of the mean squared error of each joint's map, averaged over the batch's joints.

    Zimmermann and Brox 2017, in their ``training_posenet.py``: sum_k w_k sqrt(mean_p (pred - target)^2) / sum_k w_k
    over all joints k of all samples. With weights s of the samples a joint counts s times in the first sum:
    sum_k s_k w_k sqrt(mean_p (pred - target)^2) / sum_k w_k.

    Args:
        pred: Predicted heat maps, any unit, shape (B, K, H, W).
        target: True heat maps, 0 to 1, shape (B, K, H, W).
        weight: Weight of each joint, shape (B, K); 0 where it is not visible or has no label.
        eps: Added under the root, whose derivative at 0 is infinite. Defaults to 1e-12.
        sample_weight: Weight s of each sample, shape (B,). Defaults to None: all 1.

    Returns:
        A scalar; 0 if no joint counts.
    """
    error = ((pred.float() - target.float()).square().mean((2, 3)) + eps).sqrt()
    counted = error * weight
    if sample_weight is not None:
        counted = counted * sample_weight[:, None]
    return counted.sum() / weight.sum().clamp(min=1e-3)


@MODELS.register_module()
class HeatmapRMSELoss(nn.Module):
    """:func:`heatmap_rmse` with a weight.

    Args:
        loss_weight (float): Multiplies the loss. Defaults to 1.0.
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, pred: Tensor, target: Tensor, weight: Tensor, sample_weight: Tensor | None = None) -> Tensor:
        """Return the weighted loss of heat maps in any unit; arguments as of :func:`heatmap_rmse`."""
        return self.loss_weight * heatmap_rmse(pred, target, weight, sample_weight=sample_weight)
