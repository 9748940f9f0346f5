"""What a head is whose output are the coordinates of 21 joints in space, whatever their frame."""

from __future__ import annotations

import torch
from mmengine.model import BaseModule
from torch import Tensor

from handkd.registry import KEYPOINT_CODECS, MODELS


class PoseHead(BaseModule):
    """Base of the heads that predict a pose: coordinates (B, 21, 3) in the frame of a codec.

    Its methods let a distiller look at the pose of any such head, find out what it should be, and where its joints are
    in space: EKD needs no more of a student.

    Args:
        codec (dict): Config of the codec between labels and the network's output.
        loss (dict): Config of the loss, called with predicted and true poses (B, 21, 3) and the joints' validity
            (B, 21).
        init_cfg (dict | list, optional): MMEngine initialisation. Defaults to None.
    """

    def __init__(self, codec: dict, loss: dict, init_cfg: dict | list | None = None) -> None:
        super().__init__(init_cfg)
        self.codec = KEYPOINT_CODECS.build(codec)
        self.loss_module = MODELS.build(loss)

    def pose_of(self, output: object) -> Tensor:
        """Return the final pose (B, 21, 3) out of what ``forward`` gives."""
        return output

    def encode_samples(self, data_samples: list, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return the true poses (B, 21, 3), and which joints have a label (B, 21)."""
        raise NotImplementedError

    def in_space(self, pose: Tensor, data_samples: list) -> Tensor:
        """Return the joints of a pose (B, 21, 3) along the camera's axes, all in one unit, with gradient.

        What the pose leaves open (where the hand is, how large) is taken from the samples' labels.
        """
        raise NotImplementedError

    def joints_of(self, pose: Tensor, data_samples: list) -> dict[str, Tensor]:
        """Return a predicted pose (B, 21, 3) as ``pred_instances`` hold it: a dict of arrays over the batch."""
        raise NotImplementedError

    def predict(self, feats: Tensor | tuple[Tensor, ...], data_samples: list) -> dict[str, Tensor]:
        """Return the final joints, as :meth:`joints_of` gives them."""
        return self.joints_of(self.pose_of(self(feats)), data_samples)

    def joint_loss(self, pose: Tensor, data_samples: list) -> Tensor:
        """Return the loss of a pose (B, 21, 3) against the samples' labels."""
        target, valid = self.encode_samples(data_samples, pose.device)
        return self.loss_module(pose, target, valid)
