"""Depth, and the parts that a frozen segmentation network sees in it."""

from __future__ import annotations

from mmengine.model import BaseModule
from torch import Tensor
from torch.nn import functional as F

from handkd.registry import MODELS

from ..local_contrast import local_contrast
from .frozen_estimator import FrozenEstimator


@MODELS.register_module()
class SegmentedDepth(BaseModule):
    """What the regression networks of Neverova et al. 2017 get: depth at half the resolution, and a map of parts.

    Depth goes through local contrast normalisation and is then averaged over 2x2 px; the segmentation network gets the
    depth itself, as in its own training. It is frozen, but its weights are among these: a checkpoint is complete.

    Args:
        segmentation (dict, optional): Config of the estimator whose head is ``PartSegmentationHead``. Defaults to None:
            there is no map, as in the paper's baseline (a).
        checkpoint (str, optional): Path of its weights, which are loaded when a training begins. Defaults to None.
        contrast (int): Side of the box of local contrast normalisation. Defaults to 9.

    Raises:
        ValueError: If a checkpoint is given without a network, or a training begins without the network's checkpoint.
    """

    def __init__(self, segmentation: dict | None = None, checkpoint: str | None = None, contrast: int = 9) -> None:
        super().__init__()
        if segmentation is None and checkpoint is not None:
            raise ValueError(f'SegmentedDepth: the checkpoint {checkpoint!r} has no segmentation network to go to')
        self.contrast = contrast
        self.segmentation = None
        if segmentation is not None:
            self.segmentation = FrozenEstimator(segmentation, checkpoint, 'the segmentation network')

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return depth (B, 1, H / 2, W / 2), and the map of parts (B, 1, H, W), uint8, or None without a network.

        Args:
            images: Depth, shape (B, 1, H, W).
        """
        depth = F.avg_pool2d(local_contrast(images, self.contrast), 2)
        if self.segmentation is None:
            return depth, None
        return depth, self.segmentation.head.part_map(self.segmentation(images))
