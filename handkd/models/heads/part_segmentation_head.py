"""Head for the segmentation of the hand into its parts."""

from __future__ import annotations

import torch
from mmengine.model import BaseModule
from torch import Tensor
from torch.nn import functional as F

from handkd.hand import NUM_PARTS, PART_UNKNOWN
from handkd.registry import MODELS

from ..float32_layers import Float32Conv2d
from ..rows import sample_weights
from ..targets import stack_parts

_IGNORE = -100


@MODELS.register_module()
class PartSegmentationHead(BaseModule):
    """Classifies each pixel as one of the hand's 20 parts (Neverova et al. 2017, Table 1).

    "The background is considered to be subtracted in a preprocessing step and is not part of the segmentation process"
    (section 3): there is no class for it, its labels and unknown ones are ignored, and a predicted map has background
    where the network's input has it. A forearm left in the depth by the pipeline gets parts as well, which no metric
    counts.

    Args:
        in_channels (int): Channels C of the features. Defaults to 500, those of ``DensePatchNet``.
        init_cfg (dict | list, optional): MMEngine initialisation. Defaults to None.
    """

    takes_sample_weights = True

    def __init__(self, in_channels: int = 500, init_cfg: dict | list | None = None) -> None:
        super().__init__(init_cfg)
        self.output = Float32Conv2d(in_channels, NUM_PARTS, 1)

    def forward(self, feats: tuple[Tensor, Tensor]) -> Tensor:
        """Return the parts' scores, log-probabilities up to a constant, shape (B, 20, h, w).

        Args:
            feats: Foreground of the crop (B, 1, H, W), bool, and features (B, C, h, w), of the pixels at multiples of
                H / h and W / w.
        """
        return self.output(feats[1])

    def loss(self, feats: tuple[Tensor, Tensor], data_samples: list) -> dict[str, Tensor]:
        """Return ``loss_nll``, the negative log-likelihood of the true parts, averaged over the pixels that have one.

        All such pixels of the batch have the same weight, or that of their sample in the sum, which is divided by
        their number: ``MixedDataset(loss_weights=...)``. A batch without any has a loss of 0.

        Args:
            feats: Foreground (B, 1, H, W), bool, and features (B, C, h, w), as in :meth:`forward`.
            data_samples: One ``PoseDataSample`` per image, with ``gt_fields.part_seg``.

        Raises:
            ValueError: If a sample has no ``gt_fields.part_seg``, or one of another size than the image; names it.
        """
        scores = self(feats).float()
        height, width = feats[0].shape[2:]
        parts = stack_parts(data_samples, (height, width), scores.device)
        parts = parts[:, :: height // scores.shape[2], :: width // scores.shape[3]].long()
        known = (parts != 0) & (parts != PART_UNKNOWN)
        target = torch.where(known, parts - 1, _IGNORE)
        weights = sample_weights(data_samples, scores.device)
        if weights is None:
            total = F.cross_entropy(scores, target, ignore_index=_IGNORE, reduction='sum')
        else:
            losses = F.cross_entropy(scores, target, ignore_index=_IGNORE, reduction='none')
            total = (losses * weights[:, None, None]).sum()
        return {'loss_nll': total / known.sum().clamp(min=1)}

    def part_map(self, feats: tuple[Tensor, Tensor]) -> Tensor:
        """Return the most likely part of each pixel of the image, shape (B, 1, H, W), uint8: 1..20, 0 for background.

        If features are of every second pixel only, the next one to the right and below has the same part.
        """
        foreground, scores = feats[0], self(feats)
        best = (scores.argmax(1, keepdim=True) + 1).to(torch.uint8)
        for axis in (2, 3):
            best = best.repeat_interleave(foreground.shape[axis] // best.shape[axis], axis)
        return best * foreground

    def predict(self, feats: tuple[Tensor, Tensor], data_samples: list) -> dict[str, Tensor]:
        """Return ``part_seg``, the result of :meth:`part_map`: part of each pixel of the image, uint8."""
        return {'part_seg': self.part_map(feats)}
