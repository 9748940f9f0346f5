"""Joints in the metric cube to which the depth was cut: absolute in space, given the cube's position."""

from __future__ import annotations

import torch
from torch import Tensor

from handkd.geometry import viewing_rays
from handkd.registry import KEYPOINT_CODECS

from .latent_25d import CropCameras


@KEYPOINT_CODECS.register_module()
class MetricCube:
    """Converts joints to the cube of ``DepthToCube`` and back: from -1 to 1 in each direction, 0 at its centre.

    xyz = (keypoints_cam - c) / (edge / 2), with c the point in the middle of the crop at the depth of the cube's
    centre. So the depth that was subtracted from the input "is then added back to the network output" (Neverova et al.
    2017, section 5), and x and y are treated likewise, as in DeepPrior. The axes stay the camera's.

    Args:
        input_size (int): Side of the network's input in px. Defaults to 48.

    Raises:
        ValueError: If the size is not positive.
    """

    def __init__(self, input_size: int = 48) -> None:
        if input_size < 1:
            raise ValueError(f'MetricCube: input_size must be positive, found {input_size!r}')
        self.input_size = input_size

    def center(self, camera: CropCameras, depth: Tensor) -> Tensor:
        """Return the cubes' centres.

        Args:
            camera: The cameras of the crops.
            depth: Depths of the centres, shape (B,), mm.

        Returns:
            Shape (B, 3), mm, camera frame.
        """
        middle = torch.full((depth.shape[0], 1, 2), (self.input_size - 1) / 2, device=depth.device)
        return viewing_rays(middle, *camera)[:, 0] * depth[:, None]

    def encode(self, keypoints_cam: Tensor, center: Tensor, edge: Tensor) -> Tensor:
        """Return joints in the cube.

        Args:
            keypoints_cam: Shape (B, K, 3), mm, camera frame.
            center: Centres of the cubes, shape (B, 3), mm, camera frame.
            edge: Edges of the cubes, shape (B,), mm.

        Returns:
            Shape (B, K, 3), in units of half the edge; beyond -1 and 1 for joints outside of the cube.
        """
        return (keypoints_cam - center[:, None]) * (2 / edge)[:, None, None]

    def decode(self, xyz: Tensor, center: Tensor, edge: Tensor) -> Tensor:
        """Convert joints in the cube back to mm: the inverse of :meth:`encode`.

        Args:
            xyz: Shape (B, K, 3), in units of half the edge.
            center: Centres of the cubes, shape (B, 3), mm, camera frame.
            edge: Edges of the cubes, shape (B,), mm.

        Returns:
            Shape (B, K, 3), mm, camera frame.
        """
        return xyz * (edge / 2)[:, None, None] + center[:, None]
