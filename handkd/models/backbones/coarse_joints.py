"""Joints predicted by a frozen network, and the depth around each of them."""

from __future__ import annotations

import torch
from mmengine.model import BaseModule
from torch import Tensor
from torch.nn import functional as F

from handkd.registry import MODELS

from ..joint_inceptions import INPUT_SIZE
from .frozen_estimator import FrozenEstimator
from .local_contrast import normalised_depth


@MODELS.register_module()
class CoarseJoints(BaseModule):
    """Input of the second step of a cascade: the first, frozen network's joints, and a window of depth around each.

    Baseline (b) of Neverova et al. 2017 (Table 4) "features an additional refinement step (as proposed in [21])", which
    is DeepPrior (Oberweger et al. 2015): the first estimate "is then improved by zooming in". The paper gives no more
    details. Here every joint has a window of depth around its predicted place, of the 24x24 px that its network takes:
    the default window has the resolution of the images, twice that of the first network's input. Depth goes through
    local contrast normalisation first; outside of the image is background, 0.

    The windows' places are orthographic in the cube: u = (size - 1) / 2 + x size / 2, and v likewise. No network knows
    the camera here. Points nearer or farther than the cube's centre are seen slightly displaced: on the studio's images
    of 48 px by 1 px on average, and by less than 3 px for 95 % of the joints.

    Args:
        estimator (dict): Config of the first network: the estimator whose head predicts joints in the cube of
            ``MetricCube``, such as ``JointInceptionHead``. It gets the depth itself, as in its own training. Its
            weights are part of this network's: a checkpoint is complete.
        checkpoint (str, optional): Path of its weights, loaded when a training begins. Defaults to None.
        window (int): Side of the window in px of the images. Defaults to 24.
        contrast (int, optional): Side of the box of local contrast normalisation, px; None for the depth itself minus
            1, so that the background is 0 in either case. Either way the first network's z is kept, to which the
            subtracted depth has been added. Defaults to 9.
        jitter (float): Standard deviation of normal noise that moves each first joint in training, as a share of half
            the cube's edge (0.05 in a cube of 300 mm is 7.5 mm), for a first network whose training error is much
            smaller than its test error. Only x and y are moved, since the windows do not show the error of z. It
            augments the data of the second step alone, so the step can no longer be compared with networks without
            such noise; random crops (``RandomCropNoise``) in the training of both steps also show the first network
            unseen images, and can be given to every network. Defaults to 0.0.

    Raises:
        ValueError: If the window is empty or the jitter negative, or a training begins without the network's
            checkpoint.
    """

    def __init__(
        self,
        estimator: dict,
        checkpoint: str | None = None,
        window: int = 24,
        contrast: int | None = 9,
        jitter: float = 0.0,
    ) -> None:
        super().__init__()
        if window < 1 or jitter < 0:
            raise ValueError(
                f'CoarseJoints: window must be positive and jitter not negative, found {window!r} and {jitter!r}'
            )
        self.window, self.contrast, self.jitter = window, contrast, jitter
        self.estimator = FrozenEstimator(estimator, checkpoint, 'the first network of the cascade')

    @torch.no_grad()
    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the windows (B, J, 24, 24), and the first network's joints (B, J, 3), in the cube, -1 to 1.

        Args:
            images: Depth in the cube of ``DepthToCube``, shape (B, 1, H, W).
        """
        head = self.estimator.head
        joints = head.pose_of(head(self.estimator(images))).to(images.dtype)
        if self.training and self.jitter:
            noise = self.jitter * torch.randn_like(joints[..., :2])
            joints = torch.cat([joints[..., :2] + noise, joints[..., 2:]], -1)
        return joint_windows(normalised_depth(images, self.contrast), joints, self.window, INPUT_SIZE), joints


def joint_windows(images: Tensor, joints: Tensor, window: float, size: int) -> Tensor:
    """Cut a square around each joint, bilinearly, with zeros outside of the image.

    Args:
        images: Images or feature maps of any unit that cover the cube, shape (B, 1, H, W).
        joints: Joints in the cube, -1 to 1, shape (B, J, 3); z is not used.
        window: Side of the squares in px of the images.
        size: Side of the result in px.

    Returns:
        Shape (B, J, size, size).
    """
    # For grid_sample the image goes from -1 to 1, edge to edge, like the cube: it takes x and y directly.
    steps = (torch.arange(size, device=images.device, dtype=images.dtype) - (size - 1) / 2) * (2 * window / size)
    down, right = torch.meshgrid(steps / images.shape[2], steps / images.shape[3], indexing='ij')
    places = joints[:, :, None, None, :2] + torch.stack([right, down], -1)
    windows = F.grid_sample(images, places.flatten(1, 2), 'bilinear', 'zeros', align_corners=False)
    return windows[:, 0].unflatten(1, (joints.shape[1], size))
