"""Depth, and its part map by a frozen segmentation network."""

from __future__ import annotations

from mmengine.model import BaseModule
from torch import Tensor
from torch.nn import functional as F

from handkd.hints import check_choice
from handkd.registry import MODELS

from ..subtracted_depth import ADDED_BACK, subtracted_depth
from .frozen_estimator import FrozenEstimator
from .local_contrast import normalised_depth


@MODELS.register_module()
class SegmentedDepth(BaseModule):
    """Input of the regression networks of Neverova et al. 2017: depth at half the resolution, and a part map.

    A third item is the depth to be added to the network's output, because the normalisation subtracts it
    (:func:`~handkd.models.subtracted_depth.subtracted_depth`).

    Depth goes through local contrast normalisation and is then averaged over 2x2 px; the segmentation network gets the
    depth itself, as in its own training. It is frozen, but its weights are part of this network's: a checkpoint is
    complete.

    Args:
        segmentation (dict, optional): Config of the estimator whose head is ``PartSegmentationHead``. Defaults to None:
            no part map, as in the paper's baseline (a).
        checkpoint (str, optional): Path of its weights, loaded when a training begins. Defaults to None.
        contrast (int, optional): Side of the box of local contrast normalisation, px; None for the depth itself minus
            1, so that the background is 0 in either case. Defaults to 9.
        added (str, optional): Depth added to the network's z: 'local', the hand's mean depth in that box around the
            predicted place; 'hand', its mean depth in the image; 'cube', none besides the cube's centre. Defaults to
            None: the subtracted depth, i.e. 'local' with contrast normalisation, and 'cube' without.

    Raises:
        ValueError: If a checkpoint is given without a network, there is no such form, it is 'local' without a box, or a
            training begins without the network's checkpoint.
    """

    def __init__(
        self,
        segmentation: dict | None = None,
        checkpoint: str | None = None,
        contrast: int | None = 9,
        added: str | None = None,
    ) -> None:
        super().__init__()
        if added is None:
            added = 'cube' if contrast is None else 'local'
        check_choice(added, ADDED_BACK, 'SegmentedDepth(added=...)')
        if added == 'local' and contrast is None:
            raise ValueError(
                "SegmentedDepth: added='local' needs the box of contrast, found None: take 'hand' or 'cube'"
            )
        if segmentation is None and checkpoint is not None:
            raise ValueError(f'SegmentedDepth: the checkpoint {checkpoint!r} has no segmentation network to go to')
        self.contrast, self.added = contrast, added
        self.segmentation = None
        if segmentation is not None:
            self.segmentation = FrozenEstimator(segmentation, checkpoint, 'the segmentation network')

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Return depth, part map, and the depth to be added to z.

        Args:
            images: Depth in the cube of ``DepthToCube``, shape (B, 1, H, W).

        Returns:
            Depth (B, 1, H / 2, W / 2); the part map (B, 1, H, W), uint8, or None without a network; and the depth to be
            added at each place (B, 1, H, W), float32, or None if none is added.
        """
        depth = F.avg_pool2d(normalised_depth(images, self.contrast), 2)
        added = subtracted_depth(images, self.added, self.contrast or 1)
        if self.segmentation is None:
            return depth, None, added
        return depth, self.segmentation.head.part_map(self.segmentation(images)), added
