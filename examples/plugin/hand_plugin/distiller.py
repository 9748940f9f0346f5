"""A distiller: a module that returns named losses, computed from outputs of student and teachers."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import normalize

from handkd.models import BaseDistiller, DistillContext
from handkd.registry import MODELS


def attention(features: Tensor) -> Tensor:
    """Attention map: channel mean of squares of a feature map, (B, C, H, W) -> (B, H * W), of length 1."""
    return normalize(features.float().square().mean(1).flatten(1))


@MODELS.register_module()
class AttentionTransfer(BaseDistiller):
    """Pulls the student's attention map towards the teacher's (Zagoruyko and Komodakis 2017, Eq. 2, p = 2).

    The numbers of channels may differ; height and width may not.

    Args:
        layer (str): The student's layer. Defaults to 'backbone'.
        teacher (str): The teacher's name. Defaults to 'depth'.
        teacher_layer (str): The teacher's layer. Defaults to 'backbone'.
        weight (float): Multiplies the loss. Defaults to 1.0.
    """

    def __init__(
        self, layer: str = 'backbone', teacher: str = 'depth', teacher_layer: str = 'backbone', weight: float = 1.0
    ) -> None:
        super().__init__()
        self.layer, self.teacher, self.teacher_layer, self.weight = layer, teacher, teacher_layer, weight
        self.student_taps = (layer,)
        self.teacher_taps = {teacher: (teacher_layer,)}

    def forward(self, context: DistillContext) -> dict[str, Tensor]:
        """Return ``{'attention': weight * mean squared distance of the maps}``; a backbone's output is a tuple."""
        (*_, student), (*_, teacher) = context.student[self.layer], context.teachers[self.teacher][self.teacher_layer]
        distance = (attention(student) - attention(teacher)).square().sum(1).mean()
        return {'attention': self.weight * distance}
