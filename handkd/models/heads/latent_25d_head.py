"""Common base of the heads that predict 2.5D poses: the target, and the conversion to space."""

from __future__ import annotations

import torch
from mmpose.structures import PoseDataSample
from torch import Tensor

from handkd.hand import NUM_JOINTS

from ..rows import rows_with, weighted_loss
from ..targets import stack_cameras, stack_joints, stack_keypoints, stack_known_joints
from .bone_lengths import BoneLengths
from .pose_head import PoseHead


class Latent25DHead(PoseHead):
    """Base of the heads whose output is poses (B, 21, 3) in the frame of ``Latent25D``.

    A subclass computes them in ``forward``; ``with_root`` sets Z^r of the root to 0.

    Args:
        codec (dict): Config of ``Latent25D``.
        loss (dict): Config of the loss between predicted and true poses.
        init_cfg (dict | list, optional): MMEngine initialisation. Defaults to None.
    """

    def __init__(self, codec: dict, loss: dict, init_cfg: dict | list | None = None) -> None:
        super().__init__(codec, loss, init_cfg)
        self.bones = BoneLengths()
        behind_root = torch.ones(NUM_JOINTS, 3)
        behind_root[self.codec.root, 2] = 0
        self.register_buffer('_behind_root', behind_root, persistent=False)

    def with_root(self, pose: Tensor) -> Tensor:
        """Return 2.5D poses (B, 21, 3), float32, normalised, in the codec's frame, with Z^r of the root at 0."""
        return pose.float() * self._behind_root

    def encode_samples(self, data_samples: list, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return the samples' poses (B, 21, 3), and which joints have a label (B, 21)."""
        return self._labels(data_samples, device)[:2]

    def in_space(self, pose: Tensor, data_samples: list) -> Tensor:
        """Convert poses to mm, camera frame, at the root's true depth and the true scale.

        Args:
            pose: 2.5D poses in the codec's frame, shape (B, 21, 3).
            data_samples: One ``PoseDataSample`` per image, with joints in px and mm and the crop's camera.

        Returns:
            Shape (B, 21, 3), mm, camera frame.
        """
        _, _, root_depth, scale = self._labels(data_samples, pose.device)
        return self.codec.decode(pose.float(), stack_cameras(data_samples, pose.device), root_depth, scale)

    def _labels(self, data_samples: list, device: torch.device) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return true poses (B, 21, 3), validity (B, 21), root depths (B,) and scales (B,), the last two in mm."""
        joints, valid = stack_joints(data_samples, device)
        pose, root_depth, scale = self.codec.encode(stack_keypoints(data_samples, device)[0], joints, valid)
        return pose, valid, root_depth, scale

    def learn_bones(self, data_samples: list, device: torch.device) -> None:
        """Add the samples' hands to the mean bone lengths."""
        self.bones.update(*stack_known_joints(data_samples, device))

    def joint_loss(self, pose: Tensor, data_samples: list) -> Tensor:
        """Return the loss of 2.5D poses (B, 21, 3), normalised, in the codec's frame, against the samples' labels.

        If samples lack 2D or 3D joints (``MixedDataset(optional=...)``), the loss is the sum of two: of x and y over
        the samples with 2D joints, and of Z^r over those that have 3D joints as well, each with the other coordinates
        held at the truth. For a loss that sums over coordinates (``PoseL1Loss``, ``PoseSquaredLoss``) a batch of
        complete samples has the same value either way.
        """
        whole = rows_with(data_samples, ('keypoints', 'keypoints_cam'))
        if whole is None:
            return super().joint_loss(pose, data_samples)
        flat = rows_with(data_samples, ('keypoints',))
        flat = list(range(len(data_samples))) if flat is None else flat
        loss = pose[:0].float().sum()  # 0, with a gradient
        if flat:
            samples = [data_samples[i] for i in flat]
            keypoints, valid = stack_keypoints(samples, pose.device, visible_only=False)
            target = torch.cat([self.codec.places(keypoints), torch.zeros_like(keypoints[..., :1])], -1)
            planar = torch.cat([pose[flat, :, :2], target[..., 2:]], -1)
            loss = loss + weighted_loss(self.loss_module, samples, planar, target, valid)
        if whole:
            samples = [data_samples[i] for i in whole]
            target, valid = self.encode_samples(samples, pose.device)
            deep = torch.cat([target[..., :2], pose[whole, :, 2:]], -1)
            loss = loss + weighted_loss(self.loss_module, samples, deep, target, valid)
        return loss

    def joints_of(self, pose: Tensor, data_samples: list) -> dict[str, Tensor]:
        """Return a predicted pose in the form of ``pred_instances``.

        Args:
            pose: 2.5D poses in the codec's frame, shape (B, 21, 3).
            data_samples: One ``PoseDataSample`` per image, with the crop's camera.

        Returns:
            ``keypoints`` (B, 21, 2), px of the network's input. ``keypoints_cam`` (B, 21, 3), mm, camera frame,
            independent of the truth: the root's depth is estimated from the pose, and the size from the mean bone
            lengths of the training; left out by an untrained network. ``keypoints_xyz`` (B, 21, 3), relative to the
            root, in units of the scale bone: at the true depth and scale if root and scale bone have labels, else as
            estimated. ``keypoints_cam_gt_depth`` (B, 21, 3), mm, camera frame, at the root's true depth and the true
            scale, the protocol of EKD (section 4.1): NaN if root or scale bone have no label, and left out of a batch
            without such labels.
        """
        pose, root = pose.float(), slice(self.codec.root, self.codec.root + 1)
        cameras = stack_cameras(data_samples, pose.device)
        ones = torch.ones(len(pose), device=pose.device)
        depth = self.codec.root_depth(pose, cameras).float()
        estimate = self.codec.decode(pose, cameras, depth, ones)
        results = dict(
            keypoints=self.codec.pixels(pose), keypoints_xyz=self.codec.decode_relative(pose, cameras, depth)
        )
        factor = self.bones.scale_of(estimate)
        if factor is not None:
            results['keypoints_cam'] = estimate * factor[:, None, None]
        known = [i for i, sample in enumerate(data_samples) if self._has_scale(sample)]
        if known:
            labelled = [data_samples[i] for i in known]
            joints, (*_, scale) = self.in_space(pose[known], labelled), self._labels(labelled, pose.device)
            results['keypoints_xyz'][known] = (joints - joints[:, root]) / scale[:, None, None]
            results['keypoints_cam_gt_depth'] = torch.full_like(estimate, torch.nan)
            results['keypoints_cam_gt_depth'][known] = joints
        return results

    def _has_scale(self, sample: PoseDataSample) -> bool:
        """Whether the root and the scale bone of a sample have labels."""
        labels = sample.get('gt_instances', ())
        needed = [self.codec.root, *self.codec.scale_bone]
        return 'keypoints_cam' in labels and bool((labels.keypoints_valid[0, needed] > 0).all())
