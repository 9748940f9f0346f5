"""The pixel loss of view synthesis."""

from __future__ import annotations

from torch import Tensor, nn

from handkd.registry import MODELS


def mean_difference(pred: Tensor, target: Tensor) -> Tensor:
    """Return the mean absolute difference of two tensors.

    Args:
        pred: Any shape, any unit; images of the crop or feature maps.
        target: The same shape and unit.

    Returns:
        A scalar, float32, in the same unit.
    """
    return (pred.float() - target.float()).abs().mean()


@MODELS.register_module()
class PixelL1Loss(nn.Module):
    """Mean absolute difference of images: Mueller et al. 2020, Eq. 2.

    Args:
        loss_weight (float): Multiplies the loss. Defaults to 1.0.
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, pred: Tensor, target: Tensor) -> Tensor:
        """Return the weighted loss.

        Args:
            pred: Predicted normalised images of the crop, shape (B, C, H, W).
            target: True images, of the same shape.
        """
        return self.loss_weight * mean_difference(pred, target)
