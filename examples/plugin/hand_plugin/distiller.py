"""A distiller: a module that returns named losses, computed from outputs of student and teachers."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from handkd.models import DistillContext, LayerDistiller
from handkd.registry import MODELS


def selectivity(features: Tensor) -> Tensor:
    """Mean over the channels of f f^T, with f a channel's activations at all positions, of length 1.

    Args:
        features: Feature map, any unit, shape (B, C, h, w).

    Returns:
        Shape (B, h * w, h * w), float32, without unit.
    """
    channels = normalize(features.float().flatten(2), dim=2)
    with torch.autocast(features.device.type, enabled=False):  # which would multiply in bfloat16
        return channels.transpose(1, 2) @ channels / channels.shape[1]


@MODELS.register_module()
class NeuronSelectivity(LayerDistiller):
    """Pulls what the student's channels respond to towards the teacher's (Huang and Wang 2017, arXiv 1707.01219).

    The loss is the squared maximum mean discrepancy between the channels of both networks, under the polynomial kernel
    (x^T y)^2. The numbers of channels may differ; height and width may not.

    Args:
        layer (str): The student's layer. Defaults to 'backbone'.
        teacher (str): The teacher's name. Defaults to 'depth'.
        teacher_layer (str): The teacher's layer. Defaults to 'backbone'.
        weight (float): Multiplies the loss. Defaults to 1.0.
    """

    def __init__(
        self, layer: str = 'backbone', teacher: str = 'depth', teacher_layer: str = 'backbone', weight: float = 1.0
    ) -> None:
        super().__init__(layer, teacher, teacher_layer, weight)

    def forward(self, context: DistillContext) -> dict[str, Tensor]:
        """Return ``{'selectivity': weight * squared distance}``, batch mean; a backbone's output is a tuple."""
        (((*_, student), (*_, teacher)),) = self.outputs(context)
        distance = (selectivity(student) - selectivity(teacher)).square().sum((1, 2)).mean()
        return {'selectivity': self.weight * distance}
