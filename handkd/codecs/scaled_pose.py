"""Joints in the image and their depths as joints in space, without a camera: a hand seen from a predicted distance."""

from __future__ import annotations

import torch
from torch import Tensor

from handkd.registry import KEYPOINT_CODECS

from .latent_25d import Latent25D
from .root_relative_xyz import RootRelativeXYZ


@KEYPOINT_CODECS.register_module()
class ScaledPose(RootRelativeXYZ):
    """Root-relative joints in units of the scale bone, computed from places in the crop, depths and the hand's scale.

    A network gives (x, y, Z^r) of each joint as in :class:`Latent25D`; the scale s, which is the length of the scale
    bone at the root's depth, seen from the front, in halves of the crop's side; and the nearness t = 1 / (Z_root), with
    Z_root in units of the scale bone. For a camera that looks at the middle of the crop, the joint relative to the root
    is then

        X_k = ((1 + t Z^r_k) x_k - x_root) / s, the same for Y, and Z_k = Z^r_k.

    No intrinsics are needed: for t = 0 it is the scaled orthographic projection ("weak perspective").

    Args:
        input_size (int): Side of the network's input in px. Defaults to 128.
        root (str | int): The root joint. Defaults to 'wrist'.
        scale_bone (tuple): The two joints whose distance is the scale. Defaults to ('wrist', 'middle_mcp').

    Raises:
        ValueError: If a joint does not exist, the bone's ends are one joint, or the size is not positive.
    """

    def __init__(
        self,
        input_size: int = 128,
        root: str | int = 'wrist',
        scale_bone: tuple[str | int, str | int] = ('wrist', 'middle_mcp'),
    ) -> None:
        super().__init__(root, scale_bone)
        self._image = Latent25D(input_size, root, scale_bone)
        self.input_size = input_size

    def places(self, keypoints: Tensor) -> Tensor:
        """Return the normalised x and y of pixels; see :meth:`Latent25D.places`.

        Args:
            keypoints: Shape (B, 21, 2), px of the network's input, pixel centres at whole numbers.

        Returns:
            Shape (B, 21, 2), -1 at the left (upper) edge of the input, 1 at the right (lower) one.
        """
        return self._image.places(keypoints)

    def pixels(self, pose: Tensor) -> Tensor:
        """Return the joints' pixels in the network's input, (B, 21, 2), px, of poses (x, y, ...), (B, 21, 2 or 3)."""
        return self._image.pixels(pose)

    def lift(self, pose: Tensor, scale: Tensor, nearness: Tensor) -> Tensor:
        """Return joints in space.

        Args:
            pose: (x, y, Z^r) with Z^r of the root at 0, shape (B, 21, 3), normalised as in :class:`Latent25D`.
            scale: s, shape (B,), halves of the crop's side.
            nearness: t, shape (B,), 1 over the root's depth in units of the scale bone.

        Returns:
            Shape (B, 21, 3), relative to the root, units of the scale bone, axes of a camera that looks at the middle
            of the crop.
        """
        depth = pose[..., 2:]
        flat = pose[..., :2] * (1 + nearness[:, None, None] * depth)
        flat = (flat - flat[:, self.root : self.root + 1]) / scale[:, None, None]
        return torch.cat([flat, depth], -1)
