"""Background suppression: penalises the student's activations outside the hand."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmpose.structures import PoseDataSample
from torch import Tensor
from torch.nn import functional

from handkd.hashing import mix
from handkd.hints import check_choice
from handkd.registry import MODELS

from .base import BaseDistiller, DistillContext
from .layers import feature_map


def background_mask(hand_mask: Tensor, size: Sequence[int]) -> Tensor:
    """Resize masks of the hand to a feature map's size, and invert them: M_h of Yuan et al. 2018, Eq. 3.

    A cell that covers any pixel of the hand, even of a finger, counts as the hand.

    Args:
        hand_mask: Pixels of the hand in the crop, shape (B, 1, H, W), bool, or 0 and 1 of any type.
        size: (h, w) of the feature map; not larger than (H, W).

    Returns:
        1 outside the hand and 0 on it, shape (B, 1, h, w), float32.

    Raises:
        ValueError: If the feature map is larger than the mask.
    """
    if hand_mask.shape[2] < size[0] or hand_mask.shape[3] < size[1]:
        raise ValueError(f'a mask {tuple(hand_mask.shape[2:])} is smaller than the feature map {tuple(size)}')
    return 1 - functional.adaptive_max_pool2d(hand_mask.float(), tuple(size))


def background_energy(features: Tensor, mask: Tensor, reduction: str = 'sum') -> Tensor:
    """Squared activations outside the hand, per sample (Yuan et al. 2018, Eq. 3).

    Args:
        features: Feature map of the crop, any unit, shape (B, C, h, w).
        mask: M_h, 1 outside the hand and 0 on it, shape (B, 1, h, w).
        reduction: 'sum' over a sample's channels and cells, as in the paper's norm, or 'mean'. Defaults to 'sum'.

    Returns:
        Shape (B,), in the unit of the features, squared.
    """
    outside = (features.float() * mask).square().flatten(1)
    return outside.sum(1) if reduction == 'sum' else outside.mean(1)


@MODELS.register_module()
class BackgroundSuppression(BaseDistiller):
    """Penalises activations outside the hand, where its mask is known (Yuan et al. 2018, section 3.3, Eq. 3).

    The masks are ``gt_fields.hand_mask`` of the samples: ``HandMaskFromDepth`` in the pipeline makes them from depth,
    as in the paper, and ``PackHandInputs(fields=['hand_mask'])`` packs them. Images whose mask is not used count as 0
    in the batch's mean, and so do those with an empty mask, in which the hand was not found.

    Args:
        layer (str): Dotted name of the student's layer, such as 'backbone.conv5_2'.
        weight (float): Multiplies the loss. Defaults to 1.0; the paper names no weight.
        fraction (float): Share of the training images whose mask is used, 0.2 and 0.8 in the paper's Table 2: a fixed
            choice by each image's ``img_id``. Defaults to 1.0.
        seed (int): Determines which images these are, independent of the run's own seed. Defaults to 0.
        reduction (str): 'sum' or 'mean' over a sample's activations. Defaults to 'sum'.
        schedule (dict | list[dict], optional): Factor of the losses over the training, see
            :class:`~handkd.models.distillers.WeightSchedule`. Defaults to None: always 1.

    Raises:
        ValueError: If ``reduction`` is unknown or ``fraction`` is not in (0, 1].
    """

    gt_fields = ('hand_mask',)
    takes_sample_weights = True

    def __init__(
        self,
        layer: str,
        weight: float = 1.0,
        fraction: float = 1.0,
        seed: int = 0,
        reduction: str = 'sum',
        schedule: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(schedule)
        check_choice(reduction, ('sum', 'mean'), 'BackgroundSuppression(reduction=...)')
        if not 0 < fraction <= 1:
            raise ValueError(f'BackgroundSuppression: fraction must be in (0, 1], found {fraction!r}')
        self.layer, self.weight, self.fraction, self.seed, self.reduction = layer, weight, fraction, seed, reduction
        self.student_taps = (layer,)

    def forward(self, context: DistillContext) -> dict[str, Tensor]:
        """Return ``{'background': weight * energy outside the hand}``.

        Raises:
            ValueError: If a sample has no mask, or the layer's output is not a feature map.
        """
        features = feature_map(context.student[self.layer], f'BackgroundSuppression: student.{self.layer}')
        chosen = [i for i, sample in enumerate(context.data_samples) if self.chooses(sample)]
        if not chosen:
            return {'background': features.new_zeros(())}
        masks = stack_masks([context.data_samples[i] for i in chosen]).to(features.device)
        outside = background_mask(masks, features.shape[2:]) * masks.flatten(1).any(1)[:, None, None, None]
        energy = background_energy(features[chosen], outside, self.reduction)
        weights = context.sample_weight(energy.device)
        if weights is not None:
            energy = energy * weights[chosen]
        return {'background': self.weight * energy.sum() / len(features)}

    def chooses(self, data_sample: PoseDataSample) -> bool:
        """Whether the mask of an image is used.

        Raises:
            ValueError: If that depends on its ``img_id``, and it has none.
        """
        if self.fraction == 1:
            return True
        if 'img_id' not in data_sample:
            raise ValueError("BackgroundSuppression: fraction < 1 needs each sample's 'img_id' in its meta information")
        return mix(self.seed, int(data_sample.img_id)) < self.fraction * 2**32


def stack_masks(data_samples: list) -> Tensor:
    """Stack the samples' masks of the hand, shape (B, 1, H, W), bool.

    Raises:
        ValueError: If a sample has none; names it.
    """
    for sample in data_samples:
        if 'hand_mask' not in sample.get('gt_fields', ()):
            name = sample.get('img_path') or sample.get('img_id')
            raise ValueError(
                f"sample {name!r} has no 'hand_mask' in its gt_fields: put HandMaskFromDepth into the training "
                "pipeline, if the data set has depth and no masks, and PackHandInputs(fields=['hand_mask'])"
            )
    return torch.stack([sample.gt_fields.hand_mask for sample in data_samples])
