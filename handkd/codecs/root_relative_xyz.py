"""Joints relative to a root joint, in units of the hand's scale: the output of PMD-Net."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import torch

from handkd.hand import JOINTS, NUM_JOINTS, joint_index
from handkd.registry import KEYPOINT_CODECS

Array = TypeVar('Array', np.ndarray, torch.Tensor)


@KEYPOINT_CODECS.register_module()
class RootRelativeXYZ:
    """Converts joints in mm to a root at zero and a reference bone of length one, and back.

    xyz = (keypoints_cam - root) / scale, with scale the length of ``scale_bone``. The axes stay the camera's (x right,
    y down, z forward). PMD-Net (Wang et al. 2020, section 4.2) takes the middle finger's base as the root and its
    distance to the wrist as the scale, like GANerated Hands; if a data set labels the palm's centre instead of the
    wrist (STB), the scale is about half as long, and normalised errors are not comparable.

    Both methods accept NumPy arrays and tensors, on any device, and return the same type.

    Args:
        root (str | int): The root joint. Defaults to 'middle_mcp'.
        scale_bone (tuple): The two joints whose distance is the scale. Defaults to ('wrist', 'middle_mcp').

    Raises:
        ValueError: If a joint does not exist, or the bone's ends are one joint.
    """

    def __init__(
        self, root: str | int = 'middle_mcp', scale_bone: tuple[str | int, str | int] = ('wrist', 'middle_mcp')
    ) -> None:
        self.root = joint_index(root)
        if len(scale_bone) != 2 or joint_index(scale_bone[0]) == joint_index(scale_bone[1]):
            raise ValueError(f'scale_bone must be two different joints, found {scale_bone!r}')
        self.scale_bone = tuple(joint_index(joint) for joint in scale_bone)

    def encode(self, keypoints_cam: Array, valid: Array | None = None) -> tuple[Array, Array, Array]:
        """Normalise joints.

        Args:
            keypoints_cam: Shape (..., 21, 3), mm, camera frame, floating point.
            valid: Which joints have a label (nonzero), shape (..., 21). Defaults to None: all of them.

        Returns:
            The normalised joints, in units of the scale, camera axes, root at zero, shape (..., 21, 3); the root, shape
            (..., 3), mm, camera frame; the scale, shape (...), mm.

        Raises:
            ValueError: If the shape is wrong, or a scale is zero, not finite, or from a joint without a label; names
                the samples.
        """
        shape = tuple(keypoints_cam.shape)
        if shape[-2:] != (NUM_JOINTS, 3):
            raise ValueError(f'keypoints_cam must have shape (..., {NUM_JOINTS}, 3), found {shape}')
        start, end = self.scale_bone
        # Slices keep the joint's dimension, so that a single hand gives arrays as well, in its own precision.
        root = keypoints_cam[..., self.root : self.root + 1, :]
        bone = keypoints_cam[..., end : end + 1, :] - keypoints_cam[..., start : start + 1, :]
        scale = (bone * bone).sum(-1) ** 0.5
        # One comparison finds zero, NaN and infinity alike.
        good = (scale > 0) & (scale < float('inf'))
        if valid is not None:
            for joint in (self.root, start, end):
                good = good & (valid[..., joint : joint + 1] > 0)
        if not good.all():
            self._refuse(scale[..., 0], good[..., 0])
        return (keypoints_cam - root) / scale[..., None], root[..., 0, :], scale[..., 0]

    def decode(self, xyz: Array, scale: Array, root: Array | None = None) -> Array:
        """Convert normalised joints back to mm.

        Args:
            xyz: Shape (..., 21, 3), in units of the scale, camera axes, root at zero.
            scale: Shape (...), mm.
            root: Position of the root, shape (..., 3), mm, camera frame. Defaults to None: the result is root-relative.

        Returns:
            Joints, shape (..., 21, 3), mm, camera frame, or camera axes and root at zero without ``root``.
        """
        joints = xyz * scale[..., None, None]
        return joints if root is None else joints + root[..., None, :]

    def _refuse(self, scale: Array, good: Array) -> None:
        """Raise the error that names the samples of a batch without a scale."""
        values, good = (np.atleast_1d(np.asarray(array.tolist())) for array in (scale, good))
        bad = np.argwhere(~good).tolist()
        shown = ', '.join(f'{where if len(where) > 1 else where[0]} ({values[tuple(where)]:g} mm)' for where in bad[:5])
        root, start, end = (JOINTS[joint] for joint in (self.root, *self.scale_bone))
        raise ValueError(
            f'the hand scale, the distance from {start} to {end}, must be positive and finite, and these joints and '
            f'the root {root} labelled; this fails in {len(bad)} of {values.size} samples of the batch: {shown}. '
            'Leave such samples out of the data set, or choose another root or scale_bone'
        )
