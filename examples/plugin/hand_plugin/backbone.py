"""A backbone: an nn.Module that takes images and returns a tuple of feature maps."""

from __future__ import annotations

from mmengine.model import BaseModule
from torch import Tensor, nn

from handkd.registry import MODELS


def separable(cin: int, cout: int) -> nn.Sequential:
    """A depthwise 3x3 convolution of stride 2 and a pointwise one, each with batch norm and ReLU."""
    return nn.Sequential(
        nn.Conv2d(cin, cin, 3, stride=2, padding=1, groups=cin, bias=False),
        nn.BatchNorm2d(cin),
        nn.ReLU(inplace=True),
        nn.Conv2d(cin, cout, 1, bias=False),
        nn.BatchNorm2d(cout),
        nn.ReLU(inplace=True),
    )


@MODELS.register_module()
class SeparableNet(BaseModule):
    """Depthwise separable convolutions, each of which halves the resolution (after MobileNet, Howard et al. 2017).

    Args:
        in_channels (int): Channels of the image. Defaults to 3.
        channels (tuple[int, ...]): Output channels of each layer. Defaults to (64, 128, 256), total stride 8.
        init_cfg (dict, optional): MMEngine initialisation. Defaults to None.
    """

    def __init__(
        self, in_channels: int = 3, channels: tuple[int, ...] = (64, 128, 256), init_cfg: dict | None = None
    ) -> None:
        super().__init__(init_cfg)
        self.layers = nn.Sequential(*map(separable, (in_channels, *channels[:-1]), channels))

    def forward(self, image: Tensor) -> tuple[Tensor]:
        """Map images (B, C, H, W) to one feature map (B, channels[-1], H / 2^n, W / 2^n), in a tuple."""
        return (self.layers(image),)
