"""Viewing rays of pixels as tensors, with gradient."""

from __future__ import annotations

import torch

from .camera import undistort


def viewing_rays(pixels: torch.Tensor, intrinsics: torch.Tensor, dist: torch.Tensor | None = None) -> torch.Tensor:
    """Return the points at depth 1 seen at pixels, with one camera per batch item.

    :func:`~.camera.unproject` for tensors, with gradient.

    Args:
        pixels: Pixels of the image, shape (B, N, 2).
        intrinsics: K of each camera, px, shape (B, 3, 3).
        dist: Lens distortion of each camera, shape (B, 5), 0 for one without. Defaults to None: no camera has any.

    Returns:
        Points in each camera's frame, shape (B, N, 3), z = 1, dtype of ``pixels``.
    """
    shifted = pixels - intrinsics[:, None, :2, 2]
    # Written out, because autocast would run a matrix product in bfloat16.
    y = shifted[..., 1] / intrinsics[:, None, 1, 1]
    x = (shifted[..., 0] - intrinsics[:, None, 0, 1] * y) / intrinsics[:, None, 0, 0]
    xy = torch.stack([x, y], -1)
    if dist is not None:
        xy = undistort(xy, dist[:, None])
    return torch.cat([xy, torch.ones_like(xy[..., :1])], -1)
