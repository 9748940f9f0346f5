"""Feature extractors of Convolutional Pose Machines, in the variants of later work on hands."""

from __future__ import annotations

from collections import OrderedDict

from mmengine.model import BaseModule
from torch import Tensor, nn

from handkd.hints import check_choice
from handkd.registry import MODELS

Block = tuple[tuple[int, ...], bool]

VARIANTS: dict[str, tuple[Block, ...]] = {
    'yuan14c4p': (
        ((64, 64), True), ((128, 128), True), ((256,) * 4, True), ((512,) * 4, True), ((512, 128), False),
    ),
    'posenet': (
        ((64, 64), True), ((128, 128), True), ((256,) * 4, True), ((512, 512, 256, 256, 256, 256, 128), False),
    ),
    'openpose_hand': (
        ((64, 64), True), ((128, 128), True), ((256,) * 4, True), ((512,) * 6 + (128,), False),
    ),
}  # fmt: skip
"""Variant -> blocks: the widths of a block's 3x3 convolutions, and whether a 2x2 pooling follows."""


@MODELS.register_module()
class CPMFeatures(BaseModule):
    """3x3 convolutions with ReLU and 2x2 maximum pooling, without normalisation; the last layer has 128 channels.

    ================= ===== ======= ========== ============ ==========================================================
    variant           conv  pooling at 256x256 parameters   source
    ================= ===== ======= ========== ============ ==========================================================
    ``yuan14c4p``     14    4       16x16x128  13,534,912   Yuan et al. 2018, section 4.1: "14 convolutional layers, 4
                                                            pooling layers", the 18th of them a convolution
    ``posenet``       15    3       32x32x128  9,110,720    Zimmermann and Brox 2017, PoseNet; the same layers as the
                                                            CPM of MPI
    ``openpose_hand`` 15    3       32x32x128  15,894,720   Simon et al. 2017
    ================= ===== ======= ========== ============ ==========================================================

    The activation is CPM's ReLU; Zimmermann and Brox's own PoseNet has a leaky one (0.01).

    Yuan et al. give counts only. Of the layouts of this family with these counts, ``yuan14c4p`` is the one whose 18th
    layer, the k of their Eq. 1, is a convolution, and the last layer.

    Each convolution with its ReLU is a submodule ``conv<block>_<number>``, and each pooling ``pool<block>``, so Eq. 1
    compares the activations of ``backbone.conv5_2``.

    Args:
        variant (str): One of ``VARIANTS``. Defaults to 'yuan14c4p'.
        in_channels (int): Channels of the input: 3 for RGB, 1 for depth. Defaults to 3.
        base_channels (int): Width of the first convolution; all others keep their ratio to it. Defaults to 64, the
            papers'; 16 gives a network for CPUs.
        init_cfg (dict): MMEngine initialisation. Defaults to dict(type='Kaiming', layer='Conv2d', mode='fan_in'), which
            preserves the signal's magnitude over layers with ReLU and without normalisation.

    Raises:
        ValueError: If there is no such variant, or the width is not a positive multiple of 2.

    Attributes:
        STRIDES: Variant -> total stride: px of the input per px of the last map.
    """

    STRIDES: dict[str, int] = {name: 2 ** sum(pooled for _, pooled in blocks) for name, blocks in VARIANTS.items()}

    def __init__(
        self,
        variant: str = 'yuan14c4p',
        in_channels: int = 3,
        base_channels: int = 64,
        init_cfg: dict = dict(type='Kaiming', layer='Conv2d', mode='fan_in'),  # noqa: B006 (never changed)
    ) -> None:
        super().__init__(init_cfg)
        check_choice(variant, VARIANTS, 'CPMFeatures(variant=...)')
        if base_channels < 2 or base_channels % 2:
            raise ValueError(f'CPMFeatures: base_channels must be a positive multiple of 2, found {base_channels!r}')
        for block, (widths, pooled) in enumerate(VARIANTS[variant], start=1):
            for number, width in enumerate(widths, start=1):
                width = width * base_channels // 64
                layers = [('conv', nn.Conv2d(in_channels, width, 3, padding=1)), ('relu', nn.ReLU())]
                self.add_module(f'conv{block}_{number}', nn.Sequential(OrderedDict(layers)))
                in_channels = width
            if pooled:
                self.add_module(f'pool{block}', nn.MaxPool2d(2))
        self.out_channels = in_channels

    def forward(self, images: Tensor) -> Tensor:
        """Return the last feature map.

        Args:
            images: Normalised images of the crop, shape (B, C, H, W).

        Returns:
            Shape (B, 2 * base_channels, H / 16, W / 16); with three poolings H / 8, W / 8. Not negative.
        """
        for layer in self.children():
            images = layer(images)
        return images
