"""Local contrast normalisation of depth, all images of a batch at once."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def local_contrast(images: Tensor, kernel: int = 9, floor: float = 1e-4) -> Tensor:
    """Subtract the local mean and divide by the local standard deviation, each within a box around the pixel.

    Neverova et al. 2017, section 5: "local contrast normalization with a kernel size of 9". They used Torch7, so this
    is its ``SpatialContrastiveNormalization``: x' = x - box(x) / c, then x' / max(sqrt(box(x'^2)) / c, floor), where
    box is the mean over the window with zeros outside of the image, and c the share of the window that is inside.

    Args:
        images: Shape (B, C, H, W), any unit, floating point; each channel separately. A constant 1, such as
            ``DepthToCube``'s background, becomes exactly 0.
        kernel: Side of the box in px, odd. Defaults to 9.
        floor: Smallest divisor. Defaults to 1e-4, Torch7's.

    Returns:
        Same shape and type, in units of the local standard deviation of each image.

    Raises:
        ValueError: If the kernel is even or not positive.
    """
    if kernel < 1 or kernel % 2 == 0:
        raise ValueError(f'local_contrast: the kernel must be odd, found {kernel!r}')
    inside = _box(torch.ones_like(images[:1, :1]), kernel)
    centred = images - _box(images, kernel) / inside
    deviation = _box(centred.square(), kernel).sqrt() / inside
    return centred / deviation.clamp(min=floor)


def normalised_depth(images: Tensor, kernel: int | None) -> Tensor:
    """Return depth in a cube as input of the regression networks, with a background of 0.

    Args:
        images: Depth in the cube of ``DepthToCube``, shape (B, 1, H, W); the background is 1.
        kernel: Side of the box of :func:`local_contrast`, px; None for the depth itself minus 1.

    Returns:
        Same shape and type.
    """
    return images - 1 if kernel is None else local_contrast(images, kernel)


def _box(images: Tensor, kernel: int) -> Tensor:
    return F.avg_pool2d(images, kernel, stride=1, padding=kernel // 2)
