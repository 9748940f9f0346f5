"""The joints that a frozen network finds, and the depth around each of them."""

from __future__ import annotations

import torch
from mmengine.model import BaseModule
from torch import Tensor
from torch.nn import functional as F

from handkd.registry import MODELS

from ..joint_inceptions import INPUT_SIZE
from ..local_contrast import normalised_depth
from .frozen_estimator import FrozenEstimator


@MODELS.register_module()
class CoarseJoints(BaseModule):
    """What the second step of a cascade gets: the first, frozen network's joints, and a closer look at each.

    Baseline (b) of Neverova et al. 2017 (Table 4) "features an additional refinement step (as proposed in [21])", which
    is DeepPrior (Oberweger et al. 2015): the first estimate "is then improved by zooming in". The paper says no more.
    Here every joint has a window of the depth around where it is believed to be, in the 24x24 px that its network
    takes: the default window shows it at the resolution of the images, twice that of the first network's input. Depth
    goes through local contrast normalisation first; outside of the image there is background, 0.

    Where the windows are is orthographic in the cube: u = (size - 1) / 2 + x size / 2, and v likewise. No network knows
    the camera here. What is nearer or farther than the cube's centre is seen a little elsewhere: on the studio's images
    of 48 px by 1 px in the mean, and by less than 3 px for 95 % of the joints.

    Args:
        estimator (dict): Config of the first network: the estimator whose head predicts joints in the cube of
            ``MetricCube``, such as ``JointInceptionHead``. It gets the depth itself, as in its own training. Its
            weights are among these: a checkpoint is complete.
        checkpoint (str, optional): Path of its weights, which are loaded when a training begins. Defaults to None.
        window (int): Side of the window in px of the images. Defaults to 24.
        contrast (int, optional): Side of the box of local contrast normalisation, px; None for the depth as it is, less
            1, so that the background is 0 in either case. Either way the first network's z is kept, to which what was
            subtracted has been added. Defaults to 9.
        jitter (float): In training each first joint is moved by normal noise of this standard deviation, as a share of
            half the cube's edge (at 0.05 in a cube of 300 mm by 7.5 mm), for a first network that errs much less on
            what it was trained on than it will at test. Only x and y are moved, since the windows do not show how far
            off z is. It augments the data of the second step alone, so that the step can no longer be compared with
            networks that have no such noise; random crops (``RandomCropNoise``) in the training of both steps show
            the first network images that it has not seen, too, and can be given to every network. Defaults to 0.0.

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
        """Return the windows (B, J, 24, 24), and the first network's joints (B, J, 3), in the cube.

        Args:
            images: Depth, shape (B, 1, H, W).
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
        images: Shape (B, 1, H, W), which cover the cube.
        joints: Joints in the cube, shape (B, J, 3), of which z does not matter.
        window: Side of the squares in px of the images.
        size: Side of the result in px.

    Returns:
        Shape (B, J, size, size).
    """
    # To grid_sample the image goes from -1 to 1, edge to edge, as the cube does: x and y are what it takes.
    steps = (torch.arange(size, device=images.device, dtype=images.dtype) - (size - 1) / 2) * (2 * window / size)
    down, right = torch.meshgrid(steps / images.shape[2], steps / images.shape[3], indexing='ij')
    places = joints[:, :, None, None, :2] + torch.stack([right, down], -1)
    windows = F.grid_sample(images, places.flatten(1, 2), 'bilinear', 'zeros', align_corners=False)
    return windows[:, 0].unflatten(1, (joints.shape[1], size))
