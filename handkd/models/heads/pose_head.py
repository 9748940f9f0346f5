"""Base class of the heads whose output is the coordinates of joints in space, in any frame."""

from __future__ import annotations

import torch
from mmengine.model import BaseModule
from torch import Tensor

from handkd.registry import KEYPOINT_CODECS, MODELS

from ..rows import rows_with, takes_sample_weight, weighted_loss


class PoseHead(BaseModule):
    """Base of the heads that predict a pose: coordinates (B, 21, 3) in the frame of a codec.

    Its methods give a distiller the pose of any such head, its target, and its joints in space: all that EKD needs of a
    student.

    Args:
        codec (dict): Config of the codec between labels and the network's output.
        loss (dict): Config of the loss, called with predicted and true poses (B, 21, 3) and the joints' validity
            (B, 21); for ``MixedDataset(loss_weights=...)`` also with ``sample_weight`` (B,).
        init_cfg (dict | list, optional): MMEngine initialisation. Defaults to None.
    """

    def __init__(self, codec: dict, loss: dict, init_cfg: dict | list | None = None) -> None:
        super().__init__(init_cfg)
        self.codec = KEYPOINT_CODECS.build(codec)
        self.loss_module = MODELS.build(loss)

    @property
    def takes_sample_weights(self) -> bool:
        """Whether samples can have weights in its losses, all of which are :meth:`joint_loss`."""
        return takes_sample_weight(self.loss_module)

    def pose_of(self, output: object) -> Tensor:
        """Return the final pose (B, 21, 3), in the codec's frame and unit, from the output of ``forward``."""
        return output

    def encode_samples(self, data_samples: list, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return the true poses (B, 21, 3) in the codec's frame, and which joints have a label (B, 21)."""
        raise NotImplementedError

    def in_space(self, pose: Tensor, data_samples: list) -> Tensor:
        """Convert poses to joints along the camera's axes, with gradient.

        Position and size of the hand, if not given by the pose, are taken from the samples' labels.

        Args:
            pose: Poses in the codec's frame, shape (B, 21, 3).
            data_samples: One ``PoseDataSample`` per image.

        Returns:
            Shape (B, 21, 3), camera axes, any unit if the same along all three.
        """
        raise NotImplementedError

    def joints_of(self, pose: Tensor, data_samples: list) -> dict[str, Tensor]:
        """Return a predicted pose in the form of ``pred_instances``.

        Args:
            pose: Poses in the codec's frame, normalised by it, shape (B, 21, 3).
            data_samples: One ``PoseDataSample`` per image.

        Returns:
            Arrays over the batch by name.
        """
        raise NotImplementedError

    def predict(self, feats: Tensor | tuple[Tensor, ...], data_samples: list) -> dict[str, Tensor]:
        """Return the final joints, as in :meth:`joints_of`.

        Args:
            feats: Features of the crop, any unit: input of ``forward``.
            data_samples: One ``PoseDataSample`` per image.
        """
        return self.joints_of(self.pose_of(self(feats)), data_samples)

    def joint_loss(self, pose: Tensor, data_samples: list) -> Tensor:
        """Return the loss of a pose (B, 21, 3), normalised, in the codec's frame, against the samples' labels.

        Samples without 3D joints (``MixedDataset(optional=...)``) do not count: the loss is that of the others, and 0
        with a gradient of 0 if there are none.
        """
        rows = rows_with(data_samples, ('keypoints_cam',))
        if rows is not None:
            pose, data_samples = pose[rows], [data_samples[i] for i in rows]
        if not data_samples:
            return pose.float().sum()
        target, valid = self.encode_samples(data_samples, pose.device)
        return weighted_loss(self.loss_module, data_samples, pose, target, valid)
