"""Ground truth of a batch, stacked once on the device that trains."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def stack_joints(data_samples: list, device: torch.device) -> tuple[Tensor, Tensor]:
    """Stack the samples' joints in space.

    Args:
        data_samples: ``PoseDataSample`` of each image, with ``gt_instances.keypoints_cam`` of shape (1, 21, 3) in mm,
            camera frame, and ``gt_instances.keypoints_valid`` of shape (1, 21): 1 where a joint has a label, whether or
            not it is seen.
        device: Where the result goes.

    Returns:
        Joints in mm, shape (B, 21, 3), and their validity, shape (B, 21), both float32.

    Raises:
        ValueError: If a sample has no 3D joints; names it.
    """
    joints, valid = _stack(data_samples, ('keypoints_cam', 'keypoints_valid'), device, '3D joints')
    return joints, valid


def stack_keypoints(data_samples: list, device: torch.device) -> tuple[Tensor, Tensor]:
    """Stack the samples' joints in the image.

    Args:
        data_samples: ``PoseDataSample`` of each image, with ``gt_instances.keypoints`` of shape (1, 21, 2), px of the
            network's input, and ``gt_instances.keypoints_visible`` of shape (1, 21).
        device: Where the result goes.

    Returns:
        Joints in px, shape (B, 21, 2), and which of them are labelled and visible, shape (B, 21), both float32.

    Raises:
        ValueError: If a sample has no 2D joints, or does not say which are visible; names it.
    """
    keys = ('keypoints', 'keypoints_visible', 'keypoints_valid')
    keypoints, visible, valid = _stack(data_samples, keys, device, '2D joints that say which are visible')
    return keypoints, visible * valid


def _stack(data_samples: list, keys: Sequence[str], device: torch.device, what: str) -> list[Tensor]:
    """Stack some of the samples' labels, float32."""
    for sample in data_samples:
        missing = [key for key in keys if key not in sample.gt_instances]
        if missing:
            name = sample.get('img_path') or sample.get('img_id')
            raise ValueError(
                f'sample {name!r} has no {missing[0]!r} among {sorted(sample.gt_instances.keys())}: '
                f'this loss needs {what}, so the data set must give them and PackHandInputs must keep them'
            )
    arrays = (np.concatenate([sample.gt_instances[key] for sample in data_samples]) for key in keys)
    return [torch.from_numpy(array).to(device=device, dtype=torch.float32) for array in arrays]
