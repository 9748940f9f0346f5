"""ResNet for small hand crops: total stride 8, so a 64x64 crop gives an 8x8 feature map."""

from __future__ import annotations

from mmpose.models.backbones import ResNet
from torch import nn

from handkd.hints import check_choice
from handkd.registry import MODELS

STEM_STRIDES = {'cifar': (1, 2, 2, 2), 'imagenet': (1, 2, 1, 1)}
"""Stage strides that give total stride 8 with each stem."""


@MODELS.register_module()
class HandResNet(ResNet):
    """MMPose's ResNet with a choice of stem, at total stride 8 for either.

    PMD-Net (section 3.1) feeds 64x64 crops to a ResNet-34 and gets 8x8x512, which is impossible with the ImageNet
    layout (total stride 32). The ``'cifar'`` stem is one 3x3 convolution of stride 1 without pooling: the literal
    reading, and the default. The ``'imagenet'`` stem has the 7x7 convolution and the pooling (stride 4), and the last
    two stages have stride 1 instead: the same 8x8x512 for 0.30 times the multiply-accumulates, and ImageNet weights
    load unchanged.

    Args:
        depth (int): 18, 34, 50, 101 or 152.
        stem (str): ``'cifar'`` or ``'imagenet'``. Defaults to 'cifar'.
        in_channels (int): Channels of the input: 3 for RGB, 1 for depth. Defaults to 3.
        base_channels (int): Width of the stem and of the first stage; 64 is the usual ResNet. Defaults to 64.
        init_cfg (dict, optional): MMEngine initialisation, such as ``dict(type='Pretrained', checkpoint=...)``.
            Defaults to None: Kaiming, as in MMPose.

    Raises:
        ValueError: If ``stem`` is unknown.
    """

    def __init__(
        self,
        depth: int,
        stem: str = 'cifar',
        in_channels: int = 3,
        base_channels: int = 64,
        init_cfg: dict | None = None,
    ) -> None:
        check_choice(stem, STEM_STRIDES, 'HandResNet(stem=...)')
        self.stem_name = stem
        kwargs = {} if init_cfg is None else {'init_cfg': init_cfg}
        super().__init__(
            depth,
            in_channels=in_channels,
            stem_channels=base_channels,
            base_channels=base_channels,
            strides=STEM_STRIDES[stem],
            **kwargs,
        )

    def _make_stem_layer(self, in_channels: int, stem_channels: int) -> None:
        super()._make_stem_layer(in_channels, stem_channels)
        if self.stem_name == 'cifar':
            self.conv1 = nn.Conv2d(in_channels, stem_channels, kernel_size=3, padding=1, bias=False)
            self.maxpool = nn.Identity()

    def train(self, mode: bool = True) -> HandResNet:
        """Set the mode and return the network like torch's ``train``; that of MMPose's ResNet returns None."""
        super().train(mode)
        return self
