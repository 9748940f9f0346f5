"""Part segmentation as an auxiliary task: a layer of the student must tell which part of the hand each cell shows."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from handkd.hand import NUM_PARTS, PART_UNKNOWN
from handkd.registry import MODELS

from ..float32_layers import Float32Conv2d
from ..rows import batch_mean
from ..targets import stack_parts, stack_sides
from .base import BaseDistiller, DistillContext
from .layers import feature_map

_IGNORE = -100


def cell_parts(parts: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the part in the middle of each cell of a feature map.

    Args:
        parts: Part maps of the crop, shape (B, H, W), uint8.
        size: (h, w) of the feature map, which must divide (H, W).

    Returns:
        Shape (B, h, w), uint8.

    Raises:
        ValueError: If a size does not divide the crop's.
    """
    strides = [full // cells for full, cells in zip(parts.shape[1:], size)]
    if any(cells * stride != full for full, cells, stride in zip(parts.shape[1:], size, strides)):
        raise ValueError(f'a feature map {tuple(size)} does not divide the part map {tuple(parts.shape[1:])}')
    return parts[:, strides[0] // 2 :: strides[0], strides[1] // 2 :: strides[1]]


def part_entropy(scores: Tensor, parts: Tensor, left: Tensor | None = None) -> Tensor:
    """Return the cross-entropy of part scores, the mean over the cells whose part is known, of each sample.

    Args:
        scores: Logits over the cells of the crop, shape (B, 21, h, w), background first; or (B, 41, h, w) with the
            parts of right hands after it and those of left hands last.
        parts: True parts, shape (B, h, w), uint8: 0 background, 1..20 parts, 255 unknown.
        left: Whether each hand is a left one, shape (B,), bool. Defaults to None: parts without sides.

    Returns:
        Shape (B,); 0 for a sample without known cells.
    """
    known, target = parts != PART_UNKNOWN, parts.long()
    if left is not None:
        target = torch.where(left[:, None, None] & (target > 0), target + NUM_PARTS, target)
    losses = F.cross_entropy(scores.float(), target.where(known, _IGNORE), ignore_index=_IGNORE, reduction='none')
    return losses.sum((1, 2)) / known.sum((1, 2)).clamp(min=1)


@MODELS.register_module()
class PartSegmentation(BaseDistiller):
    """Supervises a layer of the student with part maps, through a 1x1 convolution that is dropped at test time.

    Parts are known in every cell of a synthetic image, where joints are 21 points. With ``sides`` the parts of left and
    right hands are different classes, so that each cell must tell the side. The maps are ``gt_fields.part_seg`` of the
    samples: ``PackHandInputs(fields=['part_seg'])`` packs them.

    Args:
        layer (str): Dotted name of the student's layer, such as 'neck.last'.
        in_channels (int): Its channels.
        sides (bool): Whether the parts of left and right hands are different classes. Defaults to False.
        weight (float): Multiplies the loss. Defaults to 1.0.
        schedule (dict | list[dict], optional): Factor of the losses over the training, see
            :class:`~handkd.models.distillers.WeightSchedule`. Defaults to None: always 1.
        init_cfg (dict | list, optional): MMEngine initialisation. Defaults to None.
    """

    gt_fields = ('part_seg',)
    takes_sample_weights = True

    def __init__(
        self,
        layer: str,
        in_channels: int,
        sides: bool = False,
        weight: float = 1.0,
        schedule: dict | list[dict] | None = None,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(schedule, init_cfg)
        self.layer, self.sides, self.weight = layer, sides, weight
        self.student_taps = (layer,)
        self.output = Float32Conv2d(in_channels, 1 + NUM_PARTS * (2 if sides else 1), 1)

    def forward(self, context: DistillContext) -> dict[str, Tensor]:
        """Return ``{'parts': weight * cross-entropy}``, the mean over each sample's known cells and over the batch.

        Raises:
            ValueError: If a sample has no part map, or one of another size than its image; or the layer's output is no
                feature map, or of a size that does not divide the image's.
        """
        features = feature_map(context.student[self.layer], f'PartSegmentation: student.{self.layer}')
        size = next(iter(context.inputs.values())).shape[-2:]
        parts = cell_parts(stack_parts(context.data_samples, tuple(size), features.device), features.shape[2:])
        left = stack_sides(context.data_samples, features.device).bool() if self.sides else None
        losses = part_entropy(self.output(features), parts, left)
        return {'parts': self.weight * batch_mean(losses, context.sample_weight(features.device))}
