"""Common base of the heads that predict joints in the metric cube of the depth."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from handkd.hand import JOINT_INDEX, JOINT_PARTS
from handkd.hints import check_choice

from ..targets import stack_cameras, stack_cubes, stack_joints, stack_native_joints
from .pose_head import PoseHead


class JointSet(NamedTuple):
    """A set of predicted joints.

    Attributes:
        parts: Part numbers of each joint, in whose region it is searched.
        native: Indices of the joints among those of their data set; None for the hand's 21.
    """

    parts: tuple[tuple[int, ...], ...]
    native: tuple[int, ...] | None


_NYU_NEAREST = (
    *(f'{finger}_{joint}' for finger in ('little', 'ring', 'middle', 'index') for joint in ('tip', 'pip')),
    'thumb_tip', 'thumb_ip', 'thumb_mcp', 'wrist', 'wrist', 'wrist',
)  # fmt: skip

JOINT_SETS: dict[str, JointSet] = {
    'hand': JointSet(JOINT_PARTS, None),
    'nyu': JointSet(
        tuple(JOINT_PARTS[JOINT_INDEX[name]] for name in _NYU_NEAREST),
        (0, 3, 6, 9, 12, 15, 18, 21, 24, 25, 27, 30, 31, 32),
    ),
}
"""The hand's 21 joints, and the 14 of NYU's 36 used in published figures.

A joint has the parts of the bones that meet at it. NYU's 14 have those of the nearest of the 21: tip and middle joint
of each finger, three of the thumb, and the whole palm for both sides of the wrist and the palm.
"""


class CubeHead(PoseHead):
    """Base of the heads whose output is joints (B, J, 3) in the cube of ``MetricCube``.

    A subclass computes them in ``forward``.

    Args:
        codec: Config of ``MetricCube``.
        joints: Name of the joints, one of :data:`JOINT_SETS`.
        loss: Config of the loss between predicted and true joints.
        init_cfg: MMEngine initialisation.

    Raises:
        ValueError: If there is no such set of joints.
    """

    def __init__(self, codec: dict, joints: str, loss: dict, init_cfg: dict | list | None = None) -> None:
        super().__init__(codec, loss, init_cfg)
        check_choice(joints, JOINT_SETS, f'{type(self).__name__}(joints=...)')
        self.joints = JOINT_SETS[joints]

    def encode_samples(self, data_samples: list, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return the true joints in the cube (B, J, 3), and which have a label (B, J)."""
        if self.joints.native is None:
            joints, valid = stack_joints(data_samples, device)
        else:
            joints, valid = (part[:, self.joints.native] for part in stack_native_joints(data_samples, device))
        return self.codec.encode(joints, *self._cubes(data_samples, device)), valid

    def in_space(self, pose: Tensor, data_samples: list) -> Tensor:
        """Convert joints in the cube to mm, camera frame; needs no label.

        Args:
            pose: Joints in the cube, shape (B, J, 3), -1 to 1.
            data_samples: One ``PoseDataSample`` per image, with the crop's camera and ``depth_cube``.

        Returns:
            Shape (B, J, 3), mm, camera frame.
        """
        return self.codec.decode(pose.float(), *self._cubes(data_samples, pose.device))

    def _cubes(self, data_samples: list, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return the cubes' centres (B, 3), camera frame, and edges (B,), mm."""
        depth, edge = stack_cubes(data_samples, device)
        return self.codec.center(stack_cameras(data_samples, device), depth), edge

    def joints_of(self, pose: Tensor, data_samples: list) -> dict[str, Tensor]:
        """Return predicted joints in the form of ``pred_instances``.

        Args:
            pose: Joints in the cube, shape (B, J, 3).
            data_samples: One ``PoseDataSample`` per image, with the crop's camera and ``depth_cube``.

        Returns:
            ``keypoints_cam`` (B, 21, 3), mm, camera frame, which depends on the truth only by the cube's position; for
            ``HandKeypointMetric(root=None, scale='pred')``, or with a root. For NYU's joints ``keypoints_cam_native``
            (B, 14, 3).
        """
        name = 'keypoints_cam' if self.joints.native is None else 'keypoints_cam_native'
        return {name: self.in_space(pose, data_samples)}
