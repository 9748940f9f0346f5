"""Keypoints as heat maps, one per joint: Convolutional Pose Machines as Zimmermann and Brox (2017) train them."""

from __future__ import annotations

import numpy as np
import torch
from mmpose.codecs.utils import refine_keypoints_dark
from torch import Tensor
from torch.nn import functional

from handkd.hints import check_choice
from handkd.registry import KEYPOINT_CODECS

DECODERS = ('argmax', 'dark')


@KEYPOINT_CODECS.register_module()
class CPMHeatmap:
    """Draws a Gaussian for each joint, and finds the joint in a predicted map.

    The target of a joint at c is exp(-||p - c||^2 / sigma^2) at each pixel p of the network's *input*, without the
    factor 1/2 (its standard deviation is sigma / sqrt(2)), with c truncated to whole pixels; it is zero for a joint
    that is not visible, or lies on the image's outermost pixels or beyond. Predicted maps, a few pixels wide, are
    enlarged to the input size bilinearly, both for the loss and to find the joint, which is then the largest pixel.

    An enlarged map has its maximum next to the centre of a cell, so 'argmax' finds joints to a cell's width only (8 px
    of 256, after three poolings). 'dark' adds the step to the peak of a Gaussian fitted to the cells around the largest
    one (Zhang et al., CVPR 2020, MMPose's implementation); none of the papers reproduced here uses it.

    Args:
        input_size (int): Side of the network's input in px. Defaults to 256.
        heatmap_size (int): Side of the predicted maps in px. Defaults to 32.
        sigma (float): In px of the input. Defaults to 25.0.
        enlarge (bool): Whether targets are as large as the input, as in Zimmermann and Brox's code; False draws the
            same targets at the centres of the maps' cells, which costs (input_size / heatmap_size)^2 times less.
            Defaults to True.
        decoder (str): 'argmax' or 'dark'. Defaults to 'argmax'.

    Raises:
        ValueError: If there is no such decoder, or a size or sigma is not positive.
    """

    def __init__(
        self,
        input_size: int = 256,
        heatmap_size: int = 32,
        sigma: float = 25.0,
        enlarge: bool = True,
        decoder: str = 'argmax',
    ) -> None:
        check_choice(decoder, DECODERS, 'CPMHeatmap(decoder=...)')
        if not (input_size >= heatmap_size > 0 and sigma > 0):
            raise ValueError(
                'CPMHeatmap: input_size must be at least heatmap_size, and both and sigma positive; '
                f'found {input_size!r}, {heatmap_size!r}, {sigma!r}'
            )
        self.input_size, self.heatmap_size, self.sigma = input_size, heatmap_size, sigma
        self.enlarge, self.decoder = enlarge, decoder

    def encode(self, keypoints: Tensor, visible: Tensor) -> Tensor:
        """Draw target maps.

        Args:
            keypoints: Joints in px of the network's input, pixel centres at whole numbers, shape (B, K, 2).
            visible: Which are labelled and visible (nonzero), shape (B, K).

        Returns:
            Targets from 0 to 1, shape (B, K, S, S), float32, where S is the side of the input, or of the predicted maps
            if ``enlarge`` is False.
        """
        centre = keypoints.float().trunc()
        inside = ((centre > 0) & (centre < self.input_size - 1)).all(-1) & (visible > 0)
        size = self.input_size if self.enlarge else self.heatmap_size
        place = self.to_input(torch.arange(size, device=keypoints.device, dtype=torch.float32), size)
        # exp(-(x^2 + y^2)) as a product of two rows: S + S exponentials per joint instead of S^2.
        across, down = torch.exp(-(((place - centre[..., None]) / self.sigma) ** 2)).unbind(-2)
        return down[..., :, None] * across[..., None, :] * inside[..., None, None]

    def match(self, heatmaps: Tensor) -> Tensor:
        """Resize predicted heat maps to the size of the targets.

        Args:
            heatmaps: Any unit, shape (B, K, h, w), covering the crop.

        Returns:
            Shape (B, K, S, S), bilinear; the maps themselves if ``enlarge`` is False.
        """
        return self.enlarged(heatmaps) if self.enlarge else heatmaps

    def decode(self, heatmaps: Tensor) -> tuple[Tensor, Tensor]:
        """Find joints in predicted maps.

        Args:
            heatmaps: Predicted heat maps, any unit, shape (B, K, h, w).

        Returns:
            Joints in px of the network's input, shape (B, K, 2), and the maximum of each map, shape (B, K), both
            float32.

        Raises:
            ValueError: If the size of the maps is not ``heatmap_size``.
        """
        if tuple(heatmaps.shape[2:]) != (self.heatmap_size, self.heatmap_size):
            raise ValueError(
                f'CPMHeatmap: heatmap_size is {self.heatmap_size}, but the maps are {tuple(heatmaps.shape[2:])}'
            )
        if self.decoder == 'dark':
            places, scores = largest(heatmaps.float())
            return self.to_input(_refined(places, heatmaps.float()), self.heatmap_size), scores
        return largest(self.enlarged(heatmaps))

    def enlarged(self, heatmaps: Tensor) -> Tensor:
        """Resize predicted heat maps to the size of the network's input, bilinearly.

        Args:
            heatmaps: Predicted heat maps, any unit, shape (B, K, h, w), covering the crop.

        Returns:
            Shape (B, K, S, S), float32, where S is the side of the input in px.
        """
        size = (self.input_size, self.input_size)
        return functional.interpolate(heatmaps.float(), size, mode='bilinear', align_corners=False)

    def to_input(self, places: Tensor, size: int) -> Tensor:
        """Convert pixels of a map to those of the network's input; the edges of both coincide.

        Args:
            places: Pixels of the map, any shape.
            size: Side of the map in px.

        Returns:
            Same shape, px of the input.
        """
        return (places + 0.5) * (self.input_size / size) - 0.5


def _refined(places: Tensor, heatmaps: Tensor) -> Tensor:
    """Move places (B, K, 2) to the peaks of Gaussians fitted to the cells around them, by at most one cell."""
    coarse, maps = places.cpu().numpy(), heatmaps.detach().cpu().numpy()
    # MMPose's function writes to its arguments; its step has no limit where a map is flat.
    fine = np.stack([refine_keypoints_dark(one[None].copy(), m.copy(), 3)[0] for one, m in zip(coarse, maps)])
    return torch.from_numpy(coarse + np.clip(fine - coarse, -1, 1)).to(places)


def largest(heatmaps: Tensor) -> tuple[Tensor, Tensor]:
    """Find the largest pixel of each map.

    Args:
        heatmaps: Heat maps, any unit, shape (B, K, H, W).

    Returns:
        (x, y) in px of the maps, shape (B, K, 2), float32, and the values there, shape (B, K).
    """
    scores, index = heatmaps.flatten(2).max(-1)
    width = heatmaps.shape[-1]
    return torch.stack([index % width, index // width], -1).float(), scores
