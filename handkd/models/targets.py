"""Ground truth of a batch, stacked once on the device that trains."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from mmpose.structures import PoseDataSample
from torch import Tensor

from handkd.codecs import CropCameras
from handkd.hand import SIDES


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
            raise ValueError(
                f'sample {_name(sample)!r} has no {missing[0]!r} among {sorted(sample.gt_instances.keys())}: '
                f'this loss needs {what}, so the data set must give them and PackHandInputs must keep them'
            )
    return [_tensor([sample.gt_instances[key][0] for sample in data_samples], device) for key in keys]


def stack_cameras(data_samples: list, device: torch.device) -> CropCameras:
    """Stack the cameras of the samples' crops, float32.

    Args:
        data_samples: ``PoseDataSample`` of each image, with ``camera`` in its meta information: ``K`` (3, 3), px of the
            network's input, and ``dist`` (5,) if the lens has any.
        device: Where the result goes.

    Raises:
        ValueError: If a sample has no camera; names it.
    """
    for sample in data_samples:
        if sample.get('camera') is None:
            raise ValueError(
                f'sample {_name(sample)!r} has no camera in its meta information: a 2.5D pose needs the intrinsics of '
                'the crop, so the data set must give them and PackHandInputs must keep them'
            )
    cameras = [sample.camera for sample in data_samples]
    dists = [camera.get('dist') for camera in cameras]
    intrinsics = _tensor([camera['K'] for camera in cameras], device)
    if all(dist is None for dist in dists):
        return CropCameras(intrinsics)
    return CropCameras(intrinsics, _tensor([np.zeros(5) if dist is None else dist for dist in dists], device))


def stack_sides(data_samples: list, device: torch.device) -> Tensor:
    """Return which of the samples show a left hand, shape (B,), bool.

    Raises:
        ValueError: If a sample does not say; names it.
    """
    for sample in data_samples:
        if sample.get('hand_side') not in SIDES:
            raise ValueError(
                f"sample {_name(sample)!r} must have 'hand_side' 'left' or 'right' in its meta information, found "
                f'{sample.get("hand_side")!r}: the bounds of joint angles are those of one side, mirrored for the other'
            )
    return torch.tensor([sample.hand_side == 'left' for sample in data_samples], device=device)


def _tensor(arrays: Sequence[np.ndarray], device: torch.device) -> Tensor:
    return torch.from_numpy(np.stack(arrays)).to(device=device, dtype=torch.float32)


def _name(sample: PoseDataSample) -> str | int | None:
    return sample.get('img_path') or sample.get('img_id')
