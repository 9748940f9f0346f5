"""Ground truth of a batch, stacked once on the device that trains."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def stack_joints(data_samples: list, device: torch.device) -> tuple[Tensor, Tensor]:
    """Stack the samples' joints.

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
    for sample in data_samples:
        if 'keypoints_cam' not in sample.gt_instances:
            name = sample.get('img_path') or sample.get('img_id')
            raise ValueError(
                f"sample {name!r} has no 'keypoints_cam' among {sorted(sample.gt_instances.keys())}: "
                'this loss needs 3D joints, so the data set must give them and PackHandInputs must keep them'
            )
    joints = np.concatenate([sample.gt_instances.keypoints_cam for sample in data_samples])
    valid = np.concatenate([sample.gt_instances.keypoints_valid for sample in data_samples])
    to = dict(device=device, dtype=torch.float32)
    return torch.from_numpy(joints).to(**to), torch.from_numpy(valid).to(**to)
