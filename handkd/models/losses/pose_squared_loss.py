"""The regression loss of Yuan et al. 2018."""

from __future__ import annotations

from torch import Tensor, nn

from handkd.hints import check_choice
from handkd.registry import MODELS

from ..rows import batch_mean


def pose_squared(
    pred: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    reduction: str = 'sum',
    sample_weight: Tensor | None = None,
) -> Tensor:
    """Squared distance between whole poses, averaged over the batch (Loss_C of Yuan et al. 2018, section 3.2).

    Args:
        pred: Predicted coordinates, shape (B, K, 3), any unit, in the codec's frame.
        target: True coordinates, shape (B, K, 3), the same unit and frame.
        weight: Weight of each joint, shape (B, K), 0 where it has no label. Defaults to None: all 1.
        reduction: 'sum' over a sample's coordinates, or 'mean' over those of its labelled joints. The paper states "L2
            loss" only; its Eq. 1 has a sum of squares. Defaults to 'sum'.
        sample_weight: Weight of each sample in the mean, shape (B,), see :func:`~handkd.models.rows.batch_mean`.
            Defaults to None: all 1.

    Returns:
        A scalar, in the unit of ``pred``, squared.
    """
    squared = (pred.float() - target.float()).square().sum(-1)
    if weight is not None:
        squared = squared * weight
    per_sample = squared.sum(-1)
    if reduction == 'mean':
        joints = pred.shape[1] if weight is None else weight.sum(-1).clamp(min=1e-6)
        per_sample = per_sample / (joints * pred.shape[2])
    return batch_mean(per_sample, sample_weight)


@MODELS.register_module()
class PoseSquaredLoss(nn.Module):
    """:func:`pose_squared` with a weight.

    Args:
        loss_weight (float): Multiplies the loss; lambda of Yuan et al., Eq. 2. Defaults to 1.0.
        reduction (str): 'sum' or 'mean' over a sample's coordinates. Defaults to 'sum'.

    Raises:
        ValueError: If ``reduction`` is unknown.
    """

    def __init__(self, loss_weight: float = 1.0, reduction: str = 'sum') -> None:
        super().__init__()
        check_choice(reduction, ('sum', 'mean'), 'PoseSquaredLoss(reduction=...)')
        self.loss_weight, self.reduction = loss_weight, reduction

    def forward(
        self, pred: Tensor, target: Tensor, weight: Tensor | None = None, sample_weight: Tensor | None = None
    ) -> Tensor:
        """Return the weighted loss of poses in the codec's frame, any unit; arguments as of :func:`pose_squared`."""
        return self.loss_weight * pose_squared(pred, target, weight, self.reduction, sample_weight)
