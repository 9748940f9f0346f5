"""SqueezeNet without its classifier, with torchvision's layer names."""

from __future__ import annotations

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from handkd.hints import check_choice
from handkd.registry import MODELS

WIDTHS = ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))
"""Fire modules 2 to 9 of the paper's Table 1: channels of the squeeze layer, and of each of the two expand layers."""

VERSIONS = {'1.0': (96, 7, (3, 7)), '1.1': (64, 3, (2, 4))}
"""Version -> width and kernel of the first convolution, and the Fire modules (counted from 1) followed by a pooling."""


def pooling() -> nn.MaxPool2d:
    """Return 3x3 max pooling of stride 2 that drops no border pixels."""
    return nn.MaxPool2d(3, stride=2, ceil_mode=True)


class Fire(nn.Module):
    """Fire module: a 1x1 squeeze convolution, then parallel 1x1 and 3x3 expand convolutions (section 3.2).

    Args:
        in_channels: Channels of the input.
        squeezed: Channels of the squeeze layer.
        expanded: Channels of each expand layer; the output has twice as many.
    """

    def __init__(self, in_channels: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(in_channels, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, feat: Tensor) -> Tensor:
        """Return the expanded features, shape (B, 2 * expanded, h, w), not negative.

        Args:
            feat: Feature map of the crop, any unit, shape (B, in_channels, h, w).
        """
        feat = self.squeeze(feat).relu()
        return torch.cat([self.expand1x1(feat), self.expand3x3(feat)], dim=1).relu()


@MODELS.register_module()
class SqueezeNet(BaseModule):
    """The convolutions of SqueezeNet (Iandola et al. 2016), from the image to a last map of 512 channels, stride 16.

    ======== ========== ============== =========== ==============================================================
    version  parameters MAC at 224x224 output      first convolution; Fire modules followed by a pooling
    ======== ========== ============== =========== ==============================================================
    ``1.0``  735,424    732 M          512x13x13   7x7, 96 channels; fire4, fire8 (the paper's Table 1)
    ``1.1``  722,496    263 M          512x13x13   3x3, 64 channels; fire3, fire5 (the authors' later release)
    ======== ========== ============== =========== ==============================================================

    The classifier, a 1x1 convolution and a ReLU, is left out. Coordinates have signs: a head that regresses them
    replaces it by global pooling and a linear layer, without ReLU.

    The layers are ``features.0`` to ``features.12``, as in torchvision, so that its checkpoints load:
    ``init_cfg=dict(type='Pretrained', checkpoint=...)`` with the path or URL of ``squeezenet1_0-b66bff10.pth`` (1.1:
    ``squeezenet1_1-b8a52dc0.pth``), without a prefix; the classifier in them is skipped. They expect RGB normalised as
    for ImageNet. From a checkpoint of a whole estimator the backbone loads with ``prefix='backbone.'``.

    Args:
        version (str): '1.0' or '1.1'. Defaults to '1.0', the paper's.
        in_channels (int): Channels of the input: 3 for RGB, 1 for depth. Defaults to 3.
        init_cfg (dict): MMEngine initialisation. Defaults to dict(type='Kaiming', layer='Conv2d', mode='fan_in',
            distribution='uniform'): torchvision's, which preserves the signal's magnitude without normalisation.

    Raises:
        ValueError: If there is no such version.
    """

    def __init__(
        self,
        version: str = '1.0',
        in_channels: int = 3,
        init_cfg: dict = dict(type='Kaiming', layer='Conv2d', mode='fan_in', distribution='uniform'),  # noqa: B006
    ) -> None:
        super().__init__(init_cfg)
        check_choice(version, VERSIONS, 'SqueezeNet(version=...)')
        channels, kernel, pooled = VERSIONS[version]
        layers: list[nn.Module] = [nn.Conv2d(in_channels, channels, kernel, stride=2), nn.ReLU(), pooling()]
        for place, (squeezed, expanded) in enumerate(WIDTHS, start=1):
            layers.append(Fire(channels, squeezed, expanded))
            channels = 2 * expanded
            if place in pooled:
                layers.append(pooling())
        self.features = nn.Sequential(*layers)

    def forward(self, images: Tensor) -> tuple[Tensor]:
        """Return the last feature map.

        Args:
            images: Normalised images of the crop, shape (B, in_channels, H, W).

        Returns:
            A tuple of one feature map, shape (B, 512, h, w), h about H / 16. Not negative.
        """
        return (self.features(images),)
