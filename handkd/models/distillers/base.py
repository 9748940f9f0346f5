"""Base class of the distillers, and the context that they are called with."""

from __future__ import annotations

import math
from abc import ABCMeta, abstractmethod
from dataclasses import dataclass

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from handkd.hints import ConfigError

from ..rows import sample_weights
from .weight_schedule import build_schedules


@dataclass
class DistillContext:
    """Data of one training step: the batch, or those samples of it that have what the distiller needs.

    Attributes:
        student: The student's taps: layer name -> output, with gradient.
        teachers: Each teacher's taps: teacher name -> layer name -> output, without gradient.
        inputs: The normalised images by modality, each of shape (B, C, H, W).
        data_samples: One ``PoseDataSample`` per image, with its ground truth.
        head: The student's head, which interprets its output (the tap 'head'). Defaults to None: not needed.
    """

    student: dict[str, object]
    teachers: dict[str, dict[str, object]]
    inputs: dict[str, Tensor]
    data_samples: list
    head: nn.Module | None = None

    def sample_weight(self, device: torch.device) -> Tensor | None:
        """Return each sample's weight in the losses, shape (B,), float32; None if all are 1."""
        return sample_weights(self.data_samples, device)


class BaseDistiller(BaseModule, metaclass=ABCMeta):
    """Adds training-only losses to a student; it is not part of the network at test time.

    A distiller declares the layers that it reads in the two attributes below, before it is first called; the wrapper
    checks the names when it is built. Modules that it learns itself (such as an adapter) are its own parameters: they
    train with the student and are stored in its checkpoints under ``training_only.<name>.``; ``init_cfg`` of its
    parts is applied.

    In a batch of mixed sets (``MixedDataset(optional=...)``) a distiller is called with those samples alone that have
    the inputs of its teachers and the labels in the attributes below, and so averages over these; without any it is not
    called. The first dimension of the layers that it reads must be the batch.

    Args:
        schedule (dict | list[dict], optional): Factor of its losses over the training, see
            :class:`~handkd.models.distillers.WeightSchedule`; of several, their product. Defaults to None: always 1.
        init_cfg (dict, optional): MMEngine initialisation. Defaults to None.

    Attributes:
        student_taps: Names of the student's layers that it reads (taps: outputs recorded in the forward pass).
        teacher_taps: Names of the layers that it reads of each teacher, by the teacher's name.
        gt_fields: Names of the samples' ``gt_fields`` that it reads, which are loaded only where a distiller does.
        gt_instances: Names of the labels of joints that it needs, of the samples' ``gt_instances``.
        takes_sample_weights: Whether its losses are means over the batch that apply the context's ``sample_weight``
            (:func:`~handkd.models.rows.batch_mean`). Without it ``MixedDataset(loss_weights=...)`` is refused.
    """

    student_taps: tuple[str, ...] = ()
    teacher_taps: dict[str, tuple[str, ...]] = {}
    gt_fields: tuple[str, ...] = ()
    gt_instances: tuple[str, ...] = ()
    takes_sample_weights = False

    def __init__(self, schedule: dict | list[dict] | None = None, init_cfg: dict | list | None = None) -> None:
        super().__init__(init_cfg)
        self.schedules = build_schedules(schedule, type(self).__name__)

    def factor(self) -> float:
        """Return the factor of the current step, by which the wrapper multiplies the losses; 1 without a schedule."""
        return math.prod(schedule.factor() for schedule in self.schedules)

    @abstractmethod
    def forward(self, context: DistillContext) -> dict[str, Tensor]:
        """Return scalar losses by name; the wrapper prefixes them with ``loss_`` and the distiller's name."""


def last_level(output: object) -> Tensor:
    """Return the tensor of a layer's output; for a pyramid, its last level.

    Args:
        output: The layer's output, any unit: a tensor (B, ...), or the levels of a pyramid, each (B, C, h, w).

    Raises:
        ConfigError: If it is the pair (B, K, L) of a SimCC head, of which the last one would be the y axis alone.
    """
    if not isinstance(output, (tuple, list)):
        return output
    if len(output) == 2 and all(getattr(part, 'ndim', 0) == 3 for part in output):
        shapes = ' and '.join(str(tuple(part.shape)) for part in output)
        raise ConfigError(
            f'a layer gives two tensors, {shapes}, and no pyramid of feature maps: the SimCC vectors of a head take '
            "SimCCResponse; name a layer within the head otherwise, such as 'head.final_layer'"
        )
    return output[-1]
