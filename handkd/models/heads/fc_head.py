"""Fully connected layers from a feature map to joints."""

from __future__ import annotations

from torch import Tensor

from handkd.hand import NUM_JOINTS
from handkd.registry import MODELS

from ..mlp import mlp
from .xyz_head import XYZHead


@MODELS.register_module()
class FCHead(XYZHead):
    """Flattens a feature map and regresses root-relative joints with fully connected layers.

    Yuan et al. 2018, sections 3.2 and 4.1: "two fully connected layers to regress a 63 dimensional 3D hand pose". They
    give no width of the hidden layer, and no dropout.

    Args:
        in_channels (int): Channels of the feature map.
        in_size (int | tuple[int, int]): Its height and width: 16 after ``CPMFeatures`` at 256x256.
        codec (dict): Config of the codec between millimetres and the network's output, such as ``RootRelativeXYZ``.
        hidden (tuple[int, ...]): Widths of the hidden layers. Defaults to (1024,).
        loss (dict): Config of the loss between predicted and true coordinates. Defaults to
            dict(type='PoseSquaredLoss').
        init_cfg (dict | list): MMEngine initialisation. Defaults to dict(type='Xavier', layer='Linear').

    Raises:
        ValueError: If the feature map has another shape than configured; names both.
    """

    def __init__(
        self,
        in_channels: int,
        in_size: int | tuple[int, int],
        codec: dict,
        hidden: tuple[int, ...] = (1024,),
        loss: dict = dict(type='PoseSquaredLoss'),  # noqa: B006 (never changed)
        init_cfg: dict | list = dict(type='Xavier', layer='Linear'),  # noqa: B006 (never changed)
    ) -> None:
        super().__init__(codec, loss, init_cfg)
        height, width = (in_size, in_size) if isinstance(in_size, int) else in_size
        self.in_shape = (in_channels, height, width)
        self.fc = mlp([in_channels * height * width, *hidden, NUM_JOINTS * 3])

    def forward(self, feats: Tensor | tuple[Tensor, ...]) -> Tensor:
        """Predict joints.

        Args:
            feats: Feature map, shape (B, C, H, W), or a tuple whose last item it is.

        Returns:
            Joints in the codec's frame, normalised by it, shape (B, 21, 3).
        """
        feat = feats[-1] if isinstance(feats, (tuple, list)) else feats
        if tuple(feat.shape[1:]) != self.in_shape:
            raise ValueError(
                f'FCHead takes feature maps {self.in_shape}, found {tuple(feat.shape[1:])}: '
                'in_channels and in_size must fit the backbone and the size of its input'
            )
        return self.fc(feat.flatten(1)).unflatten(1, (NUM_JOINTS, 3))

    def loss(self, feats: Tensor | tuple[Tensor, ...], data_samples: list) -> dict[str, Tensor]:
        """Return ``loss_reg``, Loss_C of Yuan et al., Eq. 2, with its weight lambda, of joints normalised by the codec.

        Args:
            feats: Feature map of the crop, shape (B, C, H, W), or a tuple whose last item it is.
            data_samples: One ``PoseDataSample`` per image, with ``gt_instances.keypoints_cam``.
        """
        return {'loss_reg': self.joint_loss(self(feats), data_samples)}
