"""Networks of timm as backbones."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from handkd.hints import ConfigError, did_you_mean
from handkd.importing import optional_package
from handkd.registry import MODELS

from .feature_extractor import FeatureExtractor


@MODELS.register_module()
class TimmBackbone(FeatureExtractor):
    """Feature maps of a network of timm (``pip install timm``), for heads of handkd and MMPose.

    Args:
        name (str): Its name in timm, such as 'mobilenetv3_small_050'.
        out_indices (Sequence[int]): The levels to return, as timm numbers them; negative ones count from the last.
            Defaults to (-1,).
        pretrained (bool): Whether timm downloads its weights. Defaults to False.
        in_channels (int): Channels of the input: 3 for RGB, 1 for depth. Defaults to 3.
        img_size (int | Sequence[int], optional): Side of the input in px, or (height, width), for transformers, whose
            weights depend on it. Defaults to None: timm's own.
        output_stride (int, optional): Largest stride of the maps, 8, 16 or 32. Defaults to None: the network's own.
        init_cfg (dict, optional): MMEngine initialisation; a file of timm's weights fits. Defaults to None: as timm
            does.

    Attributes:
        out_channels (tuple[int]): Channels of each returned level, a head's ``in_channels``.

    Raises:
        ModuleNotFoundError: If timm is missing.
        ConfigError: If timm has no network of this name, or can't build it with these arguments.
    """

    def __init__(
        self,
        name: str,
        out_indices: Sequence[int] = (-1,),
        pretrained: bool = False,
        in_channels: int = 3,
        img_size: int | Sequence[int] | None = None,
        output_stride: int | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        timm = optional_package('timm')
        if not timm.is_model(name.partition('.')[0]):
            raise ConfigError(f'TimmBackbone: timm has no network {name!r}; {did_you_mean(name, timm.list_models())}')
        options = dict(in_chans=in_channels, img_size=img_size, output_stride=output_stride)
        options = {key: value for key, value in options.items() if value is not None}
        try:
            net = timm.create_model(
                name, features_only=True, out_indices=tuple(out_indices), pretrained=pretrained, **options
            )
        except (TypeError, AssertionError, RuntimeError, ValueError) as error:  # arguments that this network lacks
            raise ConfigError(f'TimmBackbone: timm cannot build {name!r} with {options}: {error}') from error
        super().__init__(net, init_cfg)
        self.out_channels = tuple(net.feature_info.channels())
        self._last = getattr(getattr(net, 'output_fmt', None), 'value', 'NCHW') == 'NHWC'

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return the chosen levels.

        Args:
            images: Normalised images of the crop, shape (B, C, H, W).

        Returns:
            Feature maps of the crop, each of shape (B, C', H', W').
        """
        levels = self.net(images)
        return tuple(level.permute(0, 3, 1, 2) if self._last else level for level in levels)
