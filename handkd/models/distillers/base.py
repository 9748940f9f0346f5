"""What a distiller is, and what it is given."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from dataclasses import dataclass

from mmengine.model import BaseModule
from torch import Tensor, nn


@dataclass
class DistillContext:
    """All that one training step knows.

    Attributes:
        student: The student's taps: layer name -> output, with gradient.
        teachers: Each teacher's taps: teacher name -> layer name -> output, without gradient.
        inputs: The normalised images by modality, each of shape (B, C, H, W).
        data_samples: One ``PoseDataSample`` an image, with its ground truth.
        head: The student's head, which knows what its output (the tap 'head') means; None where nothing asks for it.
    """

    student: dict[str, object]
    teachers: dict[str, dict[str, object]]
    inputs: dict[str, Tensor]
    data_samples: list
    head: nn.Module | None = None


class BaseDistiller(BaseModule, metaclass=ABCMeta):
    """Adds training-only losses to a student; nothing of it is left at test time.

    A distiller says which layers it reads by the two attributes below, before it is first called; the wrapper checks
    the names when it is built. What it learns itself (an adapter, say) are its own parameters: they train with the
    student and are kept in its checkpoints under ``distillers.<name>.``; ``init_cfg`` of its parts is followed.

    Attributes:
        student_taps: Names of the student's layers that it reads.
        teacher_taps: Names of the layers that it reads of each teacher, by the teacher's name.
        gt_fields: Names of the samples' ``gt_fields`` that it reads, which are loaded only where a distiller does.
    """

    student_taps: tuple[str, ...] = ()
    teacher_taps: dict[str, tuple[str, ...]] = {}
    gt_fields: tuple[str, ...] = ()

    @abstractmethod
    def forward(self, context: DistillContext) -> dict[str, Tensor]:
        """Return scalar losses by name; the wrapper prefixes them with ``loss_`` and the distiller's own name."""


def last_level(output: object) -> Tensor:
    """Return the tensor of a layer's output; of a pyramid, its last level."""
    return output[-1] if isinstance(output, (tuple, list)) else output
