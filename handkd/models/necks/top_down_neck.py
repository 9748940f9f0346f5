"""Fusion of a backbone's levels into one fine map, and a vector of the coarsest level."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional as F

from handkd.registry import MODELS


class MapAndVector(NamedTuple):
    """Output of :class:`TopDownNeck`.

    Attributes:
        map: Features of the finest level, shape (B, channels, H, W).
        vector: Mean of the coarsest level over the image, shape (B, D).
    """

    map: Tensor
    vector: Tensor


@MODELS.register_module()
class TopDownNeck(BaseModule):
    """Adds coarse levels to fine ones, as a feature pyramid does (Lin et al. 2017), and gives the finest one alone.

    Each level goes through a 1x1 convolution to one width; from the coarsest on, the sum so far is enlarged by nearest
    neighbours and added to the next level. 3x3 convolutions of the finest sum come last.

    Args:
        in_channels (Sequence[int]): Width of each level that the backbone gives, from fine to coarse; each is half as
            large as the one before.
        channels (int): Width of the result. Defaults to 96.
        num_convs (int): 3x3 convolutions at the end. Defaults to 1.
        init_cfg (dict | list, optional): MMEngine initialisation. Defaults to None.

    Raises:
        ValueError: If there are fewer than two levels.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        channels: int = 96,
        num_convs: int = 1,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if len(in_channels) < 2:
            raise ValueError(f'TopDownNeck: in_channels must be of two levels at least, found {in_channels!r}')
        norm = dict(type='BN')
        self.lateral = nn.ModuleList(
            ConvModule(width, channels, 1, norm_cfg=norm, act_cfg=None) for width in in_channels
        )
        self.last = nn.Sequential(
            *(ConvModule(channels, channels, 3, padding=1, norm_cfg=norm) for _ in range(num_convs))
        )

    def forward(self, feats: Sequence[Tensor]) -> MapAndVector:
        """Return the fine map and the vector.

        Args:
            feats: Feature maps of the crop, any unit, from fine to coarse, shape (B, C, H, W), (B, C', H/2, W/2), ...

        Raises:
            ValueError: If their number is not that of ``in_channels``.
        """
        if len(feats) != len(self.lateral):
            raise ValueError(
                f'TopDownNeck: in_channels names {len(self.lateral)} levels, but the backbone gives {len(feats)}: '
                'set its out_indices'
            )
        *finer, total = (lateral(feat) for lateral, feat in zip(self.lateral, feats))
        for feat in reversed(finer):
            total = F.interpolate(total, scale_factor=2.0, mode='nearest') + feat
        return MapAndVector(self.last(F.relu(total)), feats[-1].float().mean((2, 3)))
