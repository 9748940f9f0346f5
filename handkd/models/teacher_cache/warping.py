"""Responses in coordinates of one crop, moved to another crop of the same image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from mmpose.structures import PoseDataSample
from mmpose.structures.bbox import get_warp_matrix
from torch import Tensor
from torch.nn import functional as F

from handkd.hints import ConfigError

CROP = 'crop_matrix'
"""Name under which the crops of stored rows are kept beside the layers."""


def crop_matrices(data_samples: Sequence[PoseDataSample]) -> Tensor:
    """Return the maps of pixels of the image to pixels of the crop.

    Args:
        data_samples: B samples of handkd's or MMPose's pipelines; of MMPose with ``bbox_rotation`` if it is turned.

    Returns:
        Shape (B, 3, 3), float64.

    Raises:
        ConfigError: If a sample does not know its crop.
    """
    return torch.from_numpy(np.stack([_crop_matrix(sample) for sample in data_samples]))


def _crop_matrix(sample: PoseDataSample) -> np.ndarray:
    if 'warp_matrix' in sample:
        return np.asarray(sample.warp_matrix, np.float64)
    if 'input_center' not in sample:
        raise ConfigError(
            "teacher_cache.replay='warp': the samples have neither 'warp_matrix', as after WarpCrop, nor "
            "'input_center', as after TopdownAffine, in their meta information: cut the crop with one of these, or "
            'leave the random steps out'
        )
    turn = float(np.ravel(sample.get('bbox_rotation', 0.0))[0])
    rows = get_warp_matrix(sample.input_center, sample.input_scale, turn, output_size=sample.input_size)
    return np.vstack([rows, [0, 0, 1]]).astype(np.float64)


def check_response(output: object) -> None:
    """Check that a teacher's response can be moved.

    Raises:
        ConfigError: If it is neither heat maps nor joints in the crop.
    """
    if not isinstance(output, Tensor) or not (output.dim() == 4 or output.dim() == 3 and output.shape[2] == 2):
        found = f'shape {tuple(output.shape)}' if isinstance(output, Tensor) else type(output).__name__
        raise ConfigError(
            "teacher_cache.replay='warp': the layer 'head' must give heat maps (B, K, H, W) or joints (B, K, 2), found "
            f'{found}: leave the random steps that move the crop out, or set teacher_cache=None'
        )


def move_response(output: Tensor, moves: Tensor, size: tuple[int, int]) -> Tensor:
    """Move a response to another crop.

    Args:
        output: Heat maps of the crop, any unit, shape (B, K, H, W), which are interpolated bilinearly, and are 0
            outside the first crop; or joints in units of the crop's width and height, shape (B, K, 2).
        moves: Pixels of the first crop -> pixels of the other, shape (B, 3, 3), float64.
        size: (width, height) of both crops in px.

    Returns:
        The response in the other crop, of the same shape.
    """
    sides = torch.tensor(size, dtype=torch.float64)
    if output.dim() == 3:
        moves, sides = moves.to(output.device), sides.to(output.device)
        pixels = (output * sides) @ moves[:, :2, :2].mT + moves[:, None, :2, 2]
        return (pixels / sides).to(output.dtype)
    scale = torch.diag(torch.tensor([2 / size[0], 2 / size[1], 1.0], dtype=torch.float64))
    scale[:2, 2] = 1 / sides - 1  # pixels of the crop -> [-1, 1] from edge to edge
    grids = scale @ torch.linalg.inv(moves.cpu()) @ torch.linalg.inv(scale)
    grid = F.affine_grid(grids[:, :2].to(output.device, torch.float32), list(output.shape), align_corners=False)
    return F.grid_sample(output.float(), grid, align_corners=False).to(output.dtype)
