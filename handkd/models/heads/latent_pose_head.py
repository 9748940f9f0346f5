"""Pose network: joints in mm from the points of a geometry-aware representation."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from handkd.hand import NUM_JOINTS
from handkd.registry import MODELS

from ..float32_layers import Float32Linear
from ..targets import stack_joints, stack_known_joints
from .joint_statistics import JointStatistics
from .pose_head import PoseHead

_SHORTEST = 1e-3
"""Least length of a predicted scale bone, mm."""


@MODELS.register_module()
class LatentPoseHead(PoseHead):
    """The pose network F of Mueller et al. 2020, section 2.3, in the form of Rhodin et al. 2018.

    Fully connected layers, each hidden one with ReLU, batch normalisation and dropout: 5,564,479 parameters by default.
    The paper gives neither their number nor their width. A pose is root-relative in mm, each coordinate standardised
    by the labels of the training (:class:`~handkd.models.heads.joint_statistics.JointStatistics`).

    Args:
        codec (dict): Config of ``RootRelativeXYZ``, which gives the root, and the bone whose length is the unit of
            ``keypoints_xyz``.
        in_channels (int): Length of the input: three times the number of points. Defaults to 600.
        hidden (tuple[int, ...]): Widths of the hidden layers. Defaults to (2048, 2048).
        dropout (float): Probability with which a hidden value is dropped. Defaults to 0.5.
        norm (bool): Whether hidden layers have batch normalisation. Defaults to True.
        loss (dict): Config of the loss between predicted and true poses; its weight is lambda_F of Eq. 4. Defaults to
            dict(type='PoseSquaredLoss', reduction='mean').
        init_cfg (dict | list, optional): MMEngine initialisation. Defaults to None.
    """

    def __init__(
        self,
        codec: dict,
        in_channels: int = 600,
        hidden: tuple[int, ...] = (2048, 2048),
        dropout: float = 0.5,
        norm: bool = True,
        loss: dict = dict(type='PoseSquaredLoss', reduction='mean'),  # noqa: B006 (never changed)
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(codec, loss, init_cfg)
        self.statistics = JointStatistics()
        layers: list[nn.Module] = []
        for width in hidden:
            layers += [nn.Linear(in_channels, width), nn.ReLU()]
            layers += [nn.BatchNorm1d(width)] if norm else []
            layers.append(nn.Dropout(dropout))
            in_channels = width
        self.fc = nn.Sequential(*layers, Float32Linear(in_channels, NUM_JOINTS * 3))

    def forward(self, feats: Tensor | tuple[Tensor, ...]) -> Tensor:
        """Return standardised poses.

        Args:
            feats: Points of the encoder as vectors, camera axes, any unit, shape (B, D), or a tuple whose last item
                they are.

        Returns:
            Shape (B, 21, 3), root-relative, camera axes, in units of each coordinate's standard deviation.
        """
        feat = feats[-1] if isinstance(feats, (tuple, list)) else feats
        return self.fc(feat).unflatten(1, (NUM_JOINTS, 3))

    def loss(self, feats: Tensor | tuple[Tensor, ...], data_samples: list) -> dict[str, Tensor]:
        """Return ``loss_reg``, Eq. 4, of standardised poses against the samples' ``keypoints_cam`` (mm, camera frame).

        Args:
            feats: Vectors, shape (B, D), or a tuple whose last item they are.
            data_samples: One ``PoseDataSample`` per image.
        """
        pose = self(feats)
        self.statistics.update(*self._labels(data_samples, pose.device))
        return {'loss_reg': self.joint_loss(pose, data_samples)}

    def _labels(self, data_samples: list, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return joints relative to the root, mm, and their validity, 0 for a hand whose root has no label."""
        joints, valid = stack_known_joints(data_samples, device)
        root = slice(self.codec.root, self.codec.root + 1)
        return joints - joints[:, root], valid * valid[:, root]

    def encode_samples(self, data_samples: list, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return the samples' standardised poses (B, 21, 3), and which joints have a label (B, 21)."""
        joints, valid = self._labels(data_samples, device)
        return self.statistics.standardise(joints), valid

    def in_space(self, pose: Tensor, data_samples: list) -> Tensor:
        """Convert standardised poses (B, 21, 3) to joints in mm, camera axes, relative to the root; needs no label."""
        return self.statistics.restore(pose.float())

    def joints_of(self, pose: Tensor, data_samples: list) -> dict[str, Tensor]:
        """Return a predicted pose in the form of ``pred_instances``.

        Args:
            pose: Standardised poses, shape (B, 21, 3).
            data_samples: One ``PoseDataSample`` per image.

        Returns:
            ``keypoints_xyz`` (B, 21, 3), relative to the predicted root, in units of the predicted scale bone. If the
            whole batch has ground truth with the root's label, also ``keypoints_cam`` (B, 21, 3), mm, camera frame, at
            the true root: only the hand's position is from the truth, not its size.
        """
        joints = self.in_space(pose, data_samples)
        start, end = self.codec.scale_bone
        length = (joints[:, end] - joints[:, start]).norm(dim=-1).clamp(min=_SHORTEST)[:, None, None]
        results = dict(keypoints_xyz=(joints - joints[:, self.codec.root, None]) / length)
        if all('keypoints_cam' in sample.get('gt_instances', ()) for sample in data_samples):
            truth, valid = stack_joints(data_samples, pose.device)
            if (valid[:, self.codec.root] > 0).all():
                results['keypoints_cam'] = joints + truth[:, self.codec.root, None]
        return results
