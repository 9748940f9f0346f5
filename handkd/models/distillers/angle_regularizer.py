"""Angle loss of EKD's teacher: penalises anatomically impossible joint angles."""

from __future__ import annotations

import torch
from torch import Tensor

from handkd.needs import needs
from handkd.registry import MODELS

from ..rows import batch_mean
from .angle_rules import HEAD, AngleRules
from .base import BaseDistiller, DistillContext


@MODELS.register_module()
@needs(limits='angle_limits.file')
class AngleRegularizer(BaseDistiller):
    """Penalises joint angles out of bounds, by their sines and cosines (Zhang et al. 2020, section 3.2.2, Eq. 2).

    Works with any student whose head is a :class:`~handkd.models.PoseHead`. The bounds' order is corrected for cosines,
    see :func:`~handkd.geometry.angle_excess`.

    Args:
        limits (str): The file of bounds, as written by ``handkd limits``.
        weight (float): Multiplies the loss: lambda_1 of Eq. 4, which the paper does not give. Defaults to 0.1.
        warmup (int): Steps over which the weight rises from 0: the first predictions of a network violate all bounds,
            and while a hand is nearly a point the gradients of its angles are huge. Defaults to 0.
        schedule (dict | list[dict], optional): Factor of the losses over the training, see
            :class:`~handkd.models.distillers.WeightSchedule`. Defaults to None: always 1.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If it is damaged, or ``warmup`` is negative.
    """

    student_taps = (HEAD,)
    gt_instances = ('keypoints_cam',)
    takes_sample_weights = True

    def __init__(
        self, limits: str, weight: float = 0.1, warmup: int = 0, schedule: dict | list[dict] | None = None
    ) -> None:
        super().__init__(schedule)
        if warmup < 0:
            raise ValueError(f'AngleRegularizer: warmup must not be negative, found {warmup!r}')
        self.rules = AngleRules(limits)
        self.weight, self.warmup = weight, warmup
        self.register_buffer('step', torch.zeros((), dtype=torch.long))  # a resumed run continues the warm-up

    def forward(self, context: DistillContext) -> dict[str, Tensor]:
        """Return ``{'angle': weight * excess}``, summed over a hand's 20 angles and averaged over the batch."""
        excess = self.rules(context).excess.flatten(1).sum(1)
        excess = batch_mean(excess, context.sample_weight(excess.device))
        ramp = (self.step / self.warmup).clamp(max=1.0) if self.warmup else 1.0
        self.step += 1
        return {'angle': self.weight * ramp * excess}
