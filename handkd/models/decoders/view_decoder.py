"""Decoder of a point cloud, an appearance and a background to the image of a camera."""

from __future__ import annotations

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from handkd.registry import MODELS


def normalised_conv(in_channels: int, out_channels: int) -> list[nn.Module]:
    """Return the layers of a 3x3 convolution with batch normalisation and a ReLU."""
    return [nn.Conv2d(in_channels, out_channels, 3, padding=1), nn.BatchNorm2d(out_channels), nn.ReLU()]


def enlarge(in_channels: int, out_channels: int) -> nn.Sequential:
    """Return the layers that double a map's size: bilinear interpolation, then a normalised convolution."""
    return nn.Sequential(
        nn.Upsample(scale_factor=2, mode='bilinear', align_corners=True), *normalised_conv(in_channels, out_channels)
    )


def convolve(in_channels: int, out_channels: int) -> nn.Sequential:
    """Return two 3x3 convolutions, each with a ReLU."""
    layers: list[nn.Module] = []
    for channels in (in_channels, out_channels):
        layers += [nn.Conv2d(channels, out_channels, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers)


@MODELS.register_module()
class ViewDecoder(BaseModule):
    """The decoder of Mueller et al. 2020, section 2, in the form of Rhodin et al. 2018.

    A fully connected layer maps the points to a feature map of an eighth of the image's size, to which the appearance
    is concatenated, the same everywhere. The map is enlarged twofold and convolved three times; at full size the
    features of the background are concatenated. The output is linear, an image with the encoder's normalisation.

    At 128x128 it has 20,488,419 parameters (19,693,568 of them in the fully connected layer) and does 2.15 GMAC; at
    64x64 with ``base_channels=16`` 2.70 M and 0.15 G.

    Args:
        input_size (int): Side of the images in px, a multiple of 8. Defaults to 128.
        num_points (int): Number N of points. Defaults to 200.
        appearance (int): Length A of the appearance. Defaults to 128.
        base_channels (int): Channels of the last stage. Defaults to 32.
        dropout (float): Probability with which a value of the first map is dropped. Defaults to 0.3.
        matte (bool): Whether a fourth output is the share of the hand in each pixel, by which the image is blended over
            the background; then the decoder need not learn to copy backgrounds. Not in the paper. Defaults to False.
        init_cfg (dict | list, optional): MMEngine initialisation. Defaults to None.

    Raises:
        ValueError: If the size is not a positive multiple of 8.
    """

    def __init__(
        self,
        input_size: int = 128,
        num_points: int = 200,
        appearance: int = 128,
        base_channels: int = 32,
        dropout: float = 0.3,
        matte: bool = False,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if input_size < 8 or input_size % 8:
            raise ValueError(f'ViewDecoder: input_size must be a multiple of 8, found {input_size!r}')
        last, middle, first = base_channels, 2 * base_channels, 4 * base_channels
        self.input_size, self.num_points, self.appearance = input_size, num_points, appearance
        self.side = input_size // 8
        self.fc = nn.Linear(3 * num_points, first * self.side**2)
        self.unfold = nn.Sequential(nn.Dropout(dropout), nn.ReLU())
        self.stages = nn.Sequential(
            enlarge(appearance + first, first),
            convolve(first, first),
            enlarge(first, middle),
            convolve(middle, middle),
            enlarge(middle, last),
        )
        self.background = nn.Sequential(*normalised_conv(3, last), *normalised_conv(last, last))
        self.blend = convolve(2 * last, last)
        self.matte = matte
        self.output = nn.Conv2d(last, 4 if matte else 3, 1)

    def forward(self, points: Tensor, appearance: Tensor, background: Tensor) -> Tensor:
        """Return the images (B, 3, H, W), normalised.

        Args:
            points: In the frame of the target camera, in the encoder's own unit, shape (B, N, 3).
            appearance: Shape (B, A).
            background: That camera's image without a hand, normalised, shape (B, 3, H, W).
        """
        feat = self.unfold(self.fc(points.flatten(1))).unflatten(1, (-1, self.side, self.side))
        spread = appearance[:, :, None, None].expand(-1, -1, self.side, self.side)
        # Channels last, like the background of the preprocessor: faster on a CPU.
        feat = torch.cat([spread, feat], dim=1).contiguous(memory_format=torch.channels_last)
        feat = self.stages(feat)
        output = self.output(self.blend(torch.cat([self.background(background), feat], dim=1)))
        if not self.matte:
            return output
        return background.lerp(output[:, :3].to(background.dtype), output[:, 3:].sigmoid().to(background.dtype))
