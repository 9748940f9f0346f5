"""Common base of the heads that regress root-relative joints: the codec, the target, and the conversion to mm."""

from __future__ import annotations

import torch
from torch import Tensor

from ..targets import stack_joints
from .pose_head import PoseHead


class XYZHead(PoseHead):
    """Base of the heads whose output is joints (B, 21, 3) in the frame of a codec such as ``RootRelativeXYZ``.

    A subclass computes them in ``forward``.
    """

    def encode_samples(self, data_samples: list, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return the samples' ``keypoints_cam`` in the codec's frame (B, 21, 3), and which have a label (B, 21)."""
        joints, valid = stack_joints(data_samples, device)
        target, _, _ = self.codec.encode(joints, valid)
        return target, valid

    def in_space(self, pose: Tensor, data_samples: list) -> Tensor:
        """Return the joints (B, 21, 3), camera axes, relative to the root, in units of the scale bone: the pose."""
        return pose

    def joints_of(self, xyz: Tensor, data_samples: list) -> dict[str, Tensor]:
        """Return predicted joints in the form of ``pred_instances``.

        Args:
            xyz: Predicted joints, shape (B, 21, 3), relative to the root, in units of the codec's scale bone.
            data_samples: One ``PoseDataSample`` per image.

        Returns:
            ``keypoints_xyz`` (B, 21, 3), the same, float32. If the whole batch has ground truth, also ``keypoints_cam``
            (B, 21, 3), mm, camera frame, at the true root and scale: the protocol of PMD-Net, section 4.2, and of Yuan
            et al., section 4. It is left out if a root or scale bone has no label, as with fingertips alone.
        """
        results = dict(keypoints_xyz=xyz.float())
        if all('keypoints_cam' in sample.get('gt_instances', ()) for sample in data_samples):
            joints, valid = stack_joints(data_samples, xyz.device)
            if (valid[:, [self.codec.root, *self.codec.scale_bone]] > 0).all():
                _, root, scale = self.codec.encode(joints, valid)
                results['keypoints_cam'] = self.codec.decode(results['keypoints_xyz'], scale, root)
        return results
