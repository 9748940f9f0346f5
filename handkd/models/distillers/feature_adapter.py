"""Conversion of a student's features to a teacher's channels and size."""

from __future__ import annotations

from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional as F

from handkd.hints import ConfigError
from handkd.registry import MODELS


@MODELS.register_module()
class FeatureAdapter(BaseModule):
    """Converts a student's features to the channels and size of a teacher's, as the regressor of FitNets does.

    FitNets' regressor is one convolution, whose kernel is as large as the sizes require. Here it is a 1x1 convolution
    where the channels differ, then a normalisation if there is one, then bilinear interpolation where
    the sizes differ; both maps cover the crop. Its weights are trained with the student and dropped at test time.

    Args:
        in_channels (int): Channels of the student's features.
        out_channels (int): Channels of the teacher's features.
        norm_cfg (dict, optional): Config of a normalisation after the convolution, such as ``dict(type='BN')``.
            Defaults to None.
        init_cfg (dict, optional): MMEngine initialisation. Defaults to None: torch's, as in MMPose's ``FeaLoss``.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        norm_cfg: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.in_channels, self.out_channels = in_channels, out_channels
        self.conv = nn.Identity() if in_channels == out_channels else nn.Conv2d(in_channels, out_channels, 1)
        self.norm = nn.Identity() if norm_cfg is None else build_norm_layer(norm_cfg, out_channels)[1]

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Return the student's features in the teacher's shape.

        Args:
            student: Feature map or vectors of the crop, any unit, shape (B, in_channels, h, w) or (B, in_channels).
            teacher: Features of the teacher, shape (B, out_channels, H, W) or (B, out_channels).

        Returns:
            Shape of ``teacher``; float32 if interpolated.

        Raises:
            ConfigError: If the channels are not those of the config, with the right ones, or the features are neither
                both maps nor both vectors.
        """
        if student.ndim != teacher.ndim or student.ndim not in (2, 4):
            raise ConfigError(
                f"FeatureAdapter: the student's features are {tuple(student.shape)} and the teacher's "
                f'{tuple(teacher.shape)}, expected two maps (B, C, H, W) or two vectors (B, C): name other layers'
            )
        found = student.shape[1], teacher.shape[1]
        if found != (self.in_channels, self.out_channels):
            raise ConfigError(
                f"FeatureAdapter: in_channels={self.in_channels}, out_channels={self.out_channels}, but the student's "
                f"features have {found[0]} channels and the teacher's {found[1]}: set in_channels={found[0]}, "
                f'out_channels={found[1]}'
            )
        if student.ndim == 2:
            return self.norm(self.conv(student[..., None, None])).flatten(1)
        adapted = self.norm(self.conv(student))
        if adapted.shape[2:] == teacher.shape[2:]:
            return adapted
        size = teacher.shape[2:]
        return F.interpolate(adapted.float(), size, mode='bilinear', align_corners=False, antialias=True)
