"""Depth that contrast normalisation subtracts from an image of a hand, to be added to the predictions from it."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

ADDED_BACK = ('local', 'hand', 'cube')
"""Depth added to a predicted z: the hand's mean depth around the predicted place, or in the whole image, or none
besides the depth of the cube's centre, which the codec adds."""


def subtracted_depth(images: Tensor, form: str, kernel: int = 9) -> Tensor | None:
    """Return the depth to be added to z, for every place at which a joint may be predicted.

    Neverova et al. 2017, section 5: "The data is preprocessed by local contrast normalization with a kernel size of 9.
    To be able to predict absolute values for z-coordinates, the subtracted depth is then added back to the network
    output." That normalisation subtracts the mean within its box: the form 'local'. As the background "is considered to
    be subtracted in a preprocessing step" (section 3), it is the mean of the hand alone; with the background, which
    lies at the cube's back, the mean at a fingertip would mix hand and wall.

    Args:
        images: Depth in the cube of ``DepthToCube``, shape (B, 1, H, W), floating point: below 1 on the hand, 1 on the
            background.
        form: One of :data:`ADDED_BACK`.
        kernel: Side of the box in px, odd, for 'local'. Defaults to 9.

    Returns:
        Shape (B, 1, H, W), float32, in units of half the cube's edge; None for 'cube'. Where the box has no hand,
        'local' is the hand's mean in the image; without any hand all is 0.
    """
    if form == 'cube':
        return None
    depth = images.float()
    hand = (depth < 1).float()
    mean = (depth * hand).sum((2, 3), keepdim=True) / hand.sum((2, 3), keepdim=True).clamp(min=1)
    if form == 'hand':
        return mean.expand_as(depth)
    share = F.avg_pool2d(hand, kernel, stride=1, padding=kernel // 2)
    sums = F.avg_pool2d(depth * hand, kernel, stride=1, padding=kernel // 2)
    found = share > 0.5 / kernel**2  # half a pixel: above rounding, below one
    return torch.where(found, sums / torch.where(found, share, 1), mean)


def add_depth(joints: Tensor, subtracted: Tensor | None) -> Tensor:
    """Add the subtracted depth to z, at the predicted places of the joints.

    Places are orthographic in the cube, as in :func:`~handkd.models.backbones.coarse_joints.joint_windows`, and pixels
    are interpolated. The gradient does not flow through the places.

    Args:
        joints: x and y in the cube, and z without the subtracted depth, shape (B, J, 3), -1 to 1.
        subtracted: Shape (B, 1, H, W), see :func:`subtracted_depth`; None adds nothing.

    Returns:
        Joints in the cube, shape (B, J, 3), float32 if something was added.
    """
    if subtracted is None:
        return joints
    joints = joints.float()
    places = joints[:, :, None, :2].detach()
    depth = F.grid_sample(subtracted, places, 'bilinear', 'border', align_corners=False)[:, 0]
    return torch.cat([joints[..., :2], joints[..., 2:] + depth], -1)
