"""2.5D poses from a feature vector."""

from __future__ import annotations

from torch import Tensor

from handkd.hand import NUM_JOINTS
from handkd.registry import MODELS

from ..float32_layers import Float32Linear
from .latent_25d_head import Latent25DHead


@MODELS.register_module()
class Regression25DHead(Latent25DHead):
    """Regresses poses from a feature vector: EKD's "2.5D representations" with ResNet and SqueezeNet (section 4.2).

    Args:
        in_channels (int): Length of the feature vector.
        codec (dict): Config of ``Latent25D``.
        loss (dict): Config of the loss between predicted and true poses. Defaults to dict(type='PoseL1Loss').
        init_cfg (dict | list, optional): MMEngine initialisation. Defaults to None.
    """

    def __init__(
        self,
        in_channels: int,
        codec: dict,
        loss: dict = dict(type='PoseL1Loss'),  # noqa: B006 (never changed)
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(codec, loss, init_cfg)
        self.fc = Float32Linear(in_channels, NUM_JOINTS * 3)

    def forward(self, feats: Tensor | tuple[Tensor, ...]) -> Tensor:
        """Return 2.5D poses (x, y, Z^r), shape (B, 21, 3), in the normalised frame of ``Latent25D``.

        Args:
            feats: Feature vectors of the crop, shape (B, D), or a tuple whose last item they are.
        """
        feat = feats[-1] if isinstance(feats, (tuple, list)) else feats
        return self.with_root(self.fc(feat).unflatten(1, (NUM_JOINTS, 3)))

    def loss(self, feats: Tensor | tuple[Tensor, ...], data_samples: list) -> dict[str, Tensor]:
        """Return ``loss_reg``, Loss_pos^stu of EKD, Eq. 4, of poses in the normalised frame of ``Latent25D``.

        Args:
            feats: Feature vectors of the crop, shape (B, D), or a tuple whose last item they are.
            data_samples: One ``PoseDataSample`` per image, with joints in px of the network's input and in mm.
        """
        pose = self(feats)
        self.learn_bones(data_samples, pose.device)
        return {'loss_reg': self.joint_loss(pose, data_samples)}
