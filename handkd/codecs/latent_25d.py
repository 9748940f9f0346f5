"""The 2.5D pose: place of each joint in the image, and its depth relative to the root."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from handkd.geometry import viewing_rays
from handkd.registry import KEYPOINT_CODECS

from .root_relative_xyz import RootRelativeXYZ

DEPTH_RANGE = (2.0, 1000.0)
"""Bounds of an estimated root depth in units of the scale bone, which is about 5 to 10 cm long."""


class CropCameras(NamedTuple):
    """The cameras of a batch of crops.

    Attributes:
        intrinsics: K in px of the network's input, shape (B, 3, 3).
        dist: Lens distortion, shape (B, 5); None if no camera has any. Defaults to None.
    """

    intrinsics: Tensor
    dist: Tensor | None = None


@KEYPOINT_CODECS.register_module()
class Latent25D:
    """Converts joints to (x, y, Z^r) and back: the representation of Iqbal et al. 2018 that EKD's students predict.

    x and y are the joint's place in the network's input, from -1 at its left or upper edge to 1 at the other.
    Z^r = (Z - Z_root) / s is its depth relative to the root joint in units of the scale bone's length s, positive
    beyond the root. Conversion back to space needs the camera, and Z_root and s: either the true ones, as in EKD's
    evaluation (section 4.1), or Z_root / s estimated from the pose itself (:meth:`root_depth`).

    Args:
        input_size (int): Side of the network's input in px. Defaults to 128.
        root (str | int): The root joint. Defaults to 'wrist'.
        scale_bone (tuple): The two joints whose distance is the scale; Iqbal et al. take wrist and base of the index
            finger. Defaults to ('wrist', 'index_mcp').

    Raises:
        ValueError: If a joint does not exist, the bone's ends are one joint, or the size is not positive.
    """

    def __init__(
        self,
        input_size: int = 128,
        root: str | int = 'wrist',
        scale_bone: tuple[str | int, str | int] = ('wrist', 'index_mcp'),
    ) -> None:
        if input_size < 1:
            raise ValueError(f'Latent25D: input_size must be positive, found {input_size!r}')
        self.input_size = input_size
        self._frame = RootRelativeXYZ(root, scale_bone)
        self.root, self.scale_bone = self._frame.root, self._frame.scale_bone

    def encode(
        self, keypoints: Tensor, keypoints_cam: Tensor, valid: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the pose of known joints.

        Args:
            keypoints: Shape (B, 21, 2), px of the network's input, pixel centres at whole numbers.
            keypoints_cam: Shape (B, 21, 3), mm, camera frame.
            valid: Which joints have a label (nonzero), shape (B, 21). Defaults to None: all of them.

        Returns:
            The 2.5D pose (x, y, Z^r), see the class, shape (B, 21, 3); the root's depth, shape (B,), mm; the scale,
            shape (B,), mm.

        Raises:
            ValueError: If the scale is not positive and finite, or root or scale bone have no label.
        """
        xyz, root, scale = self._frame.encode(keypoints_cam, valid)
        return torch.cat([self.places(keypoints), xyz[..., 2:]], -1), root[..., 2], scale

    def places(self, keypoints: Tensor) -> Tensor:
        """Return the normalised x and y of pixels: the inverse of :meth:`pixels`.

        Args:
            keypoints: Shape (B, 21, 2), px of the network's input, pixel centres at whole numbers.

        Returns:
            Shape (B, 21, 2), -1 at the left (upper) edge of the input, 1 at the right (lower) one.
        """
        return (2 * keypoints + 1) / self.input_size - 1

    def pixels(self, pose: Tensor) -> Tensor:
        """Return the joints' pixels in the network's input.

        Args:
            pose: 2.5D pose (x, y, Z^r), shape (B, 21, 3).

        Returns:
            Shape (B, 21, 2), px.
        """
        return ((pose[..., :2] + 1) * self.input_size - 1) / 2

    def decode(self, pose: Tensor, camera: CropCameras, root_depth: Tensor, scale: Tensor) -> Tensor:
        """Convert a pose back to space: P_k = K^-1 (u_k, v_k, 1) (Z_root + s Z^r_k).

        Args:
            pose: 2.5D pose (x, y, Z^r), shape (B, 21, 3).
            camera: The cameras of the crops.
            root_depth: Depth of the root, shape (B,), mm; or in units of the scale bone, with a scale of 1.
            scale: Length of the scale bone, shape (B,), mm; or 1.

        Returns:
            Joints in the camera's frame, shape (B, 21, 3), in the unit of ``root_depth``.
        """
        depth = root_depth[:, None] + scale[:, None] * pose[..., 2]
        return viewing_rays(self.pixels(pose), *camera) * depth[..., None]

    def decode_relative(self, pose: Tensor, camera: CropCameras, root_depth: Tensor) -> Tensor:
        """Convert a pose to joints relative to the root, as :meth:`decode` with a scale of 1 less its root.

        With the rays d_k = K^-1 (u_k, v_k, 1) that is (d_k - d_root) Z_root + d_k Z^r_k - d_root Z^r_root: no two
        distances from the camera are subtracted, which would cost digits, and depths stay those of the pose.

        Args:
            pose: 2.5D pose (x, y, Z^r), shape (B, 21, 3).
            camera: The cameras of the crops.
            root_depth: Depth of the root in units of the scale bone, shape (B,).

        Returns:
            Shape (B, 21, 3), units of the scale bone, axes of the crop's camera.
        """
        rays = viewing_rays(self.pixels(pose), *camera)
        root, along = slice(self.root, self.root + 1), rays * pose[..., 2:]
        return (rays - rays[:, root]) * root_depth[:, None, None] + along - along[:, root]

    def root_depth(self, pose: Tensor, camera: CropCameras) -> Tensor:
        """Estimate the root's depth from the pose: the depth at which the scale bone has length 1 (Iqbal et al. 2018).

        With (x, y) the viewing rays and Z the relative depths of the bone's ends n and m, Z_root solves
        a Z_root^2 + b Z_root + c = 0, where a = (x_n - x_m)^2 + (y_n - y_m)^2,
        b = 2 [Z_n (x_n^2 + y_n^2 - x_n x_m - y_n y_m) + Z_m (x_m^2 + y_m^2 - x_n x_m - y_n y_m)] and
        c = (x_n Z_n - x_m Z_m)^2 + (y_n Z_n - y_m Z_m)^2 + (Z_n - Z_m)^2 - 1. In print, b lacks its factor 2. The
        larger of the two roots is taken, which is nearly always the right one. An error of one pixel moves the result
        by centimetres, so the result has no gradient.

        Args:
            pose: 2.5D pose (x, y, Z^r), shape (B, 21, 3).
            camera: The cameras of the crops.

        Returns:
            Z_root in units of the scale bone, shape (B,), without gradient, within :data:`DEPTH_RANGE`.
        """
        pose = pose.detach().double()  # b^2 and 4 a c are nearly equal
        rays = viewing_rays(self.pixels(pose), *(None if part is None else part.double() for part in camera))
        n, m = self.scale_bone
        (p, q), (z_n, z_m) = (rays[:, joint, :2] for joint in (n, m)), (pose[:, joint, 2] for joint in (n, m))
        a = (p - q).square().sum(-1).clamp(min=1e-12)
        b = 2 * (z_n * (p * (p - q)).sum(-1) + z_m * (q * (q - p)).sum(-1))
        c = (p * z_n[:, None] - q * z_m[:, None]).square().sum(-1) + (z_n - z_m).square() - 1
        return ((-b + (b * b - 4 * a * c).clamp(min=0).sqrt()) / (2 * a)).clamp(*DEPTH_RANGE)
