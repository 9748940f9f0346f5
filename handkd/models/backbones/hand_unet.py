"""The heat-map students of explicit knowledge distillation: plain U-nets at full resolution."""

from __future__ import annotations

from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional as F

from handkd.registry import MODELS

from ..float32_layers import Float32Conv2d


def convolutions(in_channels: int, channels: int, number: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Return convolutions with batch normalisation and ReLU; the first has the stride, the others keep the size."""
    return nn.Sequential(
        *(
            ConvModule(
                channels if i else in_channels,
                channels,
                kernel,
                stride=1 if i else stride,
                padding=kernel // 2,
                norm_cfg=dict(type='BN'),
            )
            for i in range(number)
        )
    )


class UNetStage(nn.Module):
    """Encoder and decoder with skip connections, of constant width; keeps the shape (B, C, H, W).

    Args:
        channels: Width C.
        levels: Number of times that the encoder halves the resolution.
        num_convs: 3x3 convolutions per level, and at the bottom.
        strided: Whether a level's first convolution halves the resolution, instead of pooling after its last one.
        last_conv: Whether there is one more 3x3 convolution at the end.
    """

    def __init__(self, channels: int, levels: int, num_convs: int, strided: bool, last_conv: bool) -> None:
        super().__init__()
        self.strided = strided
        stride = 2 if strided else 1
        self.encoder = nn.ModuleList(convolutions(channels, channels, num_convs, stride=stride) for _ in range(levels))
        self.bottom = convolutions(channels, channels, num_convs)
        self.decoder = nn.ModuleList(convolutions(channels, channels, num_convs) for _ in range(levels))
        self.last = convolutions(channels, channels, int(last_conv))

    def forward(self, feat: Tensor) -> Tensor:
        """Return features of the input's shape.

        Args:
            feat: Feature map of the crop, any unit, shape (B, C, H, W); H and W are multiples of 2**levels.
        """
        skips = []
        for level in self.encoder:
            if self.strided:
                skips.append(feat)
                feat = level(feat)
            else:
                skips.append(level(feat))
                feat = F.max_pool2d(skips[-1], 2)
        feat = self.bottom(feat)
        for level in self.decoder:
            feat = level(F.interpolate(feat, scale_factor=2, mode='nearest') + skips.pop())
        return self.last(feat)


@MODELS.register_module()
class HandUNet(BaseModule):
    """U-net stages at the input's resolution, each of which outputs maps, such as latent 2.5D heat maps.

    A 7x7 convolution of stride 1 comes first. A stage halves the resolution level by level and doubles it again, by
    nearest neighbours, adds the features of the same size, and ends with a 1x1 convolution to its maps. The input of
    the next stage is the input of this one plus 1x1 convolutions of its features and of its maps. All layers have the
    same width, and all but the 1x1 ones batch normalisation and ReLU.

    Zhang et al. 2020 (explicit knowledge distillation, section 4.2) name such students by their MACs: a network of two
    stages after Iqbal et al. 2018; one stage of it without "intermediate layers"; and that one with fewer channels.
    Their layouts are not public. These have the same MACs, at 3x128x128:

    ======== ========== ============================================ =======
    student  parameters options                                      MAC
    ======== ========== ============================================ =======
    TS120G   22,569,300 ``num_stages=2, last_conv=True``             124.4 G
    TS20G    5,361,962  ``num_convs=1, strided=True``                16.9 G
    TS500M   138,002    ``channels=40, num_convs=1, strided=True``   516 M
    ======== ========== ============================================ =======

    Without ``last_conv`` the first has 21,388,628 parameters and 105.1 G.

    The features (B, channels, H, W) of stage i are the output of the submodule ``stages.<i>``, and its maps that of
    ``outputs.<i>``, counted from 0. A tap on a student in an estimator is thus named ``backbone.stages.0``.

    Args:
        channels (int): Width of every convolution. Defaults to 256.
        out_channels (int): Maps of a stage. Defaults to 42: a heat map and a depth map for each of 21 joints.
        num_stages (int): Stages, each with its own weights. Defaults to 1.
        num_convs (int): 3x3 convolutions per level, in the encoder, at the bottom and in the decoder. Defaults to 2.
        strided (bool): Whether the first convolution of an encoder's level has stride 2, instead of 2x2 max pooling
            after its last one: the encoder then leaves the full resolution at once. Defaults to False.
        last_conv (bool): Whether one more 3x3 convolution at full resolution comes before each output. Defaults to
            False.
        levels (int): Number of times that a stage halves the resolution. Defaults to 4: 128 -> 8.
        in_channels (int): Channels of the input: 3 for RGB, 1 for depth. Defaults to 3.
        init_cfg (dict | list, optional): MMEngine initialisation. Defaults to None: Kaiming in convolutions with
            normalisation, as in MMCV's ``ConvModule``, and torch's own in the 1x1 ones.

    Raises:
        ValueError: If a number is not positive.
    """

    def __init__(
        self,
        channels: int = 256,
        out_channels: int = 42,
        num_stages: int = 1,
        num_convs: int = 2,
        strided: bool = False,
        last_conv: bool = False,
        levels: int = 4,
        in_channels: int = 3,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg)
        numbers = dict(
            channels=channels, out_channels=out_channels, num_stages=num_stages, num_convs=num_convs, levels=levels,
            in_channels=in_channels,
        )  # fmt: skip
        for name, number in numbers.items():
            if number < 1:
                raise ValueError(f'HandUNet: {name} must be at least 1, found {number!r}')
        self.levels = levels
        self.stem = convolutions(in_channels, channels, 1, kernel=7)
        self.stages = nn.ModuleList(
            UNetStage(channels, levels, num_convs, strided, last_conv) for _ in range(num_stages)
        )
        self.outputs = nn.ModuleList(Float32Conv2d(channels, out_channels, 1) for _ in range(num_stages))
        self.feature_links = nn.ModuleList(nn.Conv2d(channels, channels, 1) for _ in range(num_stages - 1))
        self.map_links = nn.ModuleList(nn.Conv2d(out_channels, channels, 1) for _ in range(num_stages - 1))

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return the maps of each stage, the final ones last.

        Args:
            images: Normalised images of the crop, shape (B, in_channels, H, W).

        Returns:
            One tensor (B, out_channels, H, W) per stage, without activation.

        Raises:
            ValueError: If H or W is not a multiple of 2**levels.
        """
        factor = 2**self.levels
        height, width = images.shape[-2:]
        if height % factor or width % factor:
            raise ValueError(
                f'HandUNet: with levels={self.levels} the input must have sides that are multiples of {factor} px, '
                f'found {height}x{width} (height x width)'
            )
        inputs = self.stem(images)
        maps: list[Tensor] = []
        for i, (stage, output) in enumerate(zip(self.stages, self.outputs)):
            feat = stage(inputs)
            maps.append(output(feat))
            if i < len(self.feature_links):
                inputs = inputs + self.feature_links[i](feat) + self.map_links[i](maps[-1])
        return tuple(maps)
