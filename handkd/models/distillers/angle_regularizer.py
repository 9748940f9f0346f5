"""EKD's teacher finds what is wrong: joint angles that no hand has."""

from __future__ import annotations

import torch
from torch import Tensor

from handkd.registry import MODELS

from .angle_rules import HEAD, AngleRules
from .base import BaseDistiller, DistillContext


@MODELS.register_module()
class AngleRegularizer(BaseDistiller):
    """Fines joint angles out of bounds, by their sines and cosines (Zhang et al. 2020, section 3.2.2, Eq. 2).

    Works on any student whose head is a :class:`~handkd.models.PoseHead`. The bounds' order is put right for cosines,
    see :func:`~handkd.geometry.angle_excess`.

    Args:
        limits (str): The file of bounds, as ``tools/gather_angle_limits.py`` writes it.
        weight (float): Multiplies the loss: lambda_1 of Eq. 4, which the paper does not give. Defaults to 0.1.
        warmup (int): Steps over which the weight rises from 0: what a network predicts at first violates everything,
            and where a hand is still nearly a point its angles' gradients are huge. Defaults to 0.

    Raises:
        FileNotFoundError: If there are no bounds.
        ValueError: If they are damaged, or ``warmup`` is negative.
    """

    student_taps = (HEAD,)

    def __init__(self, limits: str, weight: float = 0.1, warmup: int = 0) -> None:
        super().__init__()
        if warmup < 0:
            raise ValueError(f'AngleRegularizer: warmup must not be negative, found {warmup!r}')
        self.rules = AngleRules(limits)
        self.weight, self.warmup = weight, warmup
        self.register_buffer('step', torch.zeros((), dtype=torch.long))  # what is resumed goes on where it was

    def forward(self, context: DistillContext) -> dict[str, Tensor]:
        """Return ``{'angle': weight * excess}``, summed over a hand's 20 angles and averaged over the batch."""
        excess = self.rules(context).excess.flatten(1).sum(1).mean()
        ramp = (self.step / self.warmup).clamp(max=1.0) if self.warmup else 1.0
        self.step += 1
        return {'angle': self.weight * ramp * excess}
