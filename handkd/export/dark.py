"""Sub-cell places of joints in heat maps, as plain operators: the 'dark' decoder in a graph."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def refine(places: Tensor, heatmaps: Tensor) -> Tensor:
    """Move joints from the largest cells to the peaks of Gaussians fitted around them, by at most one cell.

    The same as MMPose's ``refine_keypoints_dark`` with a blur of 3 px (Zhang et al., CVPR 2020), limited to a cell as
    in ``CPMHeatmap``.

    Args:
        places: Largest cells (x, y), px of the maps, shape (B, K, 2).
        heatmaps: Heat maps, any unit, shape (B, K, h, w), float32.

    Returns:
        Shape (B, K, 2), px of the maps.
    """
    height, width = (int(side) for side in heatmaps.shape[2:])  # numbers, also in a trace
    logs = _blurred(heatmaps).clamp(min=1e-10).log().flatten(2)
    x, y = places.long().unbind(-1)
    inside = (x > 1) & (x < width - 2) & (y > 1) & (y < height - 2)
    start = y.clamp(2, height - 3) * width + x.clamp(2, width - 3)

    def at(right: int, down: int) -> Tensor:
        return logs.gather(2, (start + (right + down * width))[..., None])[..., 0]

    dx, dy = 0.5 * (at(1, 0) - at(-1, 0)), 0.5 * (at(0, 1) - at(0, -1))
    dxx, dyy = (0.25 * (at(2 * i, 2 * j) - 2 * at(0, 0) + at(-2 * i, -2 * j)) for i, j in ((1, 0), (0, 1)))
    dxy = 0.25 * (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1))
    det = dxx * dyy - dxy * dxy
    solved = inside & (det != 0)
    divisor = torch.where(solved, det, 1.0)
    step = torch.stack([dxy * dy - dyy * dx, dxy * dx - dxx * dy], -1) / divisor[..., None]
    return places + torch.where(solved[..., None], step.clamp(-1, 1), 0.0)


def _blurred(heatmaps: Tensor) -> Tensor:
    """Return blurred maps (B, K, h, w) with the maxima of the maps given."""
    # OpenCV's Gaussian of three pixels, (1, 2, 1) / 4 along either axis, is twice the mean of two.
    blurred = F.avg_pool2d(F.avg_pool2d(F.pad(heatmaps, (1, 1, 1, 1)), 2, 1), 2, 1)
    return blurred * (heatmaps.amax((2, 3), keepdim=True) / blurred.amax((2, 3), keepdim=True))
