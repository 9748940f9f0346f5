"""Ground truth of a batch, stacked on the training device."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from mmpose.structures import PoseDataSample
from torch import Tensor

from handkd.codecs import CropCameras
from handkd.hand import NUM_JOINTS, SIDES

from .rows import rows_with


def stack_joints(data_samples: list, device: torch.device) -> tuple[Tensor, Tensor]:
    """Stack the samples' joints in space.

    Args:
        data_samples: ``PoseDataSample`` of each image, with ``gt_instances.keypoints_cam`` of shape (1, 21, 3) in mm,
            camera frame, and ``gt_instances.keypoints_valid`` of shape (1, 21): 1 where a joint has a label, visible or
            not.
        device: Device of the result.

    Returns:
        Joints in mm, camera frame, shape (B, 21, 3), and their validity, shape (B, 21), both float32.

    Raises:
        ValueError: If a sample has no 3D joints; names it.
    """
    joints, valid = _stack(data_samples, ('keypoints_cam', 'keypoints_valid'), device, '3D joints')
    return joints, valid


def stack_known_joints(data_samples: list, device: torch.device) -> tuple[Tensor, Tensor]:
    """Stack the samples' joints in space as :func:`stack_joints` does, if some may lack them.

    Args:
        data_samples: ``PoseDataSample`` of each image; those with 'keypoints_cam' in ``absent`` have no 3D joints.
        device: Device of the result.

    Returns:
        Joints in mm, camera frame, shape (B, 21, 3), and their validity, shape (B, 21), both float32; both are 0 for
        samples without 3D joints.
    """
    rows = rows_with(data_samples, ('keypoints_cam',))
    if rows is None:
        return stack_joints(data_samples, device)
    joints, valid = (torch.zeros(len(data_samples), NUM_JOINTS, *rest, device=device) for rest in ((3,), ()))
    if rows:
        joints[rows], valid[rows] = stack_joints([data_samples[i] for i in rows], device)
    return joints, valid


def stack_native_joints(data_samples: list, device: torch.device) -> tuple[Tensor, Tensor]:
    """Stack the samples' joints in space as their data set labels them.

    Args:
        data_samples: ``PoseDataSample`` of each image, with ``gt_instances.keypoints_cam_native`` of shape (1, K, 3) in
            mm, camera frame.
        device: Device of the result.

    Returns:
        Joints in mm, camera frame, shape (B, K, 3), and their validity, all 1, shape (B, K), both float32.

    Raises:
        ValueError: If a sample has none; names it.
    """
    (joints,) = _stack(data_samples, ('keypoints_cam_native',), device, "the data set's own joints")
    return joints, torch.ones_like(joints[..., 0])


def stack_keypoints(data_samples: list, device: torch.device, visible_only: bool = True) -> tuple[Tensor, Tensor]:
    """Stack the samples' joints in the image.

    Args:
        data_samples: ``PoseDataSample`` of each image, with ``gt_instances.keypoints`` of shape (1, 21, 2), px of the
            network's input, and ``gt_instances.keypoints_visible`` and ``.keypoints_valid`` of shape (1, 21).
        device: Device of the result.
        visible_only: Whether only visible joints count. Defaults to True.

    Returns:
        Joints in px of the network's input, shape (B, 21, 2), and which of them count: are labelled, and visible unless
        ``visible_only`` is False, shape (B, 21), both float32.

    Raises:
        ValueError: If a sample has no 2D joints, or no visibility or validity of them; names it.
    """
    keys = ('keypoints', 'keypoints_visible', 'keypoints_valid')
    keypoints, visible, valid = _stack(data_samples, keys, device, '2D joints with their visibility')
    return keypoints, visible * valid if visible_only else valid


def stack_joint_weights(data_samples: list, device: torch.device) -> Tensor:
    """Stack the weights of the samples' joints in a loss on single joints.

    Args:
        data_samples: ``PoseDataSample`` of each image, either from a pipeline of MMPose with the weights of its codec,
            ``gt_instance_labels.keypoint_weights`` of shape (1, K), or with ``gt_instances.keypoints_valid`` of shape
            (1, K), 1 where a joint has a label, or else ``gt_instances.keypoints_visible``.
        device: Device of the result.

    Returns:
        Shape (B, K), float32, mostly 0 or 1.

    Raises:
        ValueError: If a sample has none of these; names it.
    """
    rows = []
    for sample in data_samples:
        encoded, labels = sample.get('gt_instance_labels', {}), sample.get('gt_instances', {})
        if 'keypoint_weights' in encoded:
            rows.append(encoded.keypoint_weights[0])
        else:
            key = next((key for key in ('keypoints_valid', 'keypoints_visible') if key in labels), None)
            if key is None:
                raise ValueError(
                    f"sample {_name(sample)!r} has neither 'keypoint_weights' among its gt_instance_labels nor "
                    f"'keypoints_valid' or 'keypoints_visible' among its gt_instances: have the pipeline pack one, or "
                    f'set use_target_weight=False'
                )
            rows.append(labels[key][0])
    return torch.stack([torch.as_tensor(row) for row in rows]).to(device, torch.float32)


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
            network's input, and ``dist`` (5,) if the lens has distortion.
        device: Device of the result.

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


def stack_rotations(data_samples: list, device: torch.device) -> Tensor:
    """Stack the rotations from the world's axes to those of the samples' cameras.

    Args:
        data_samples: ``PoseDataSample`` of each image, with ``camera`` in its meta information, whose ``R`` (3, 3) is
            that of the crop.
        device: Device of the result.

    Returns:
        Shape (B, 3, 3), float32.

    Raises:
        ValueError: If a sample has none; names it.
    """
    for sample in data_samples:
        if (sample.get('camera') or {}).get('R') is None:
            raise ValueError(
                f"sample {_name(sample)!r} has no camera with 'R' in its meta information: a new view needs the "
                'rotation from one camera to the other, so the data set must give it and PackHandInputs must keep it'
            )
    return _tensor([sample.camera['R'] for sample in data_samples], device)


def labelled_samples(data_samples: list) -> list[int]:
    """Return the indices of the samples whose labels may be used.

    Args:
        data_samples: ``PoseDataSample`` of each image, with ``labelled`` in its meta information.

    Raises:
        ValueError: If a sample has no ``labelled``; names it.
    """
    for sample in data_samples:
        if sample.get('labelled') is None:
            raise ValueError(
                f"sample {_name(sample)!r} has no 'labelled' in its meta information: if only some labels may be used, "
                'the data set must give it for every sample, and PackHandInputs must keep it'
            )
    return [place for place, sample in enumerate(data_samples) if sample.labelled]


def stack_sides(data_samples: list, device: torch.device) -> Tensor:
    """Return which of the samples show a left hand, shape (B,), bool.

    Raises:
        ValueError: If a sample has no ``hand_side``; names it.
    """
    for sample in data_samples:
        if sample.get('hand_side') not in SIDES:
            raise ValueError(
                f"sample {_name(sample)!r} must have 'hand_side' 'left' or 'right' in its meta information, found "
                f'{sample.get("hand_side")!r}: the bounds of joint angles are those of one side, mirrored for the other'
            )
    return torch.tensor([sample.hand_side == 'left' for sample in data_samples], device=device)


def stack_parts(data_samples: list, size: tuple[int, int], device: torch.device) -> Tensor:
    """Stack the samples' part maps.

    Args:
        data_samples: ``PoseDataSample`` of each image, with ``gt_fields.part_seg`` of shape (1, H, W), uint8: 0
            background, 1..20 parts, 255 unknown.
        size: (H, W) of the network's input.
        device: Device of the result.

    Returns:
        Shape (B, H, W), uint8.

    Raises:
        ValueError: If a sample has no map, or one of another size; names it.
    """
    for sample in data_samples:
        if 'part_seg' not in sample.get('gt_fields', ()):
            raise ValueError(
                f"sample {_name(sample)!r} has no 'part_seg' in its gt_fields: this loss needs parts, so the data set "
                "must give them and PackHandInputs(fields=['part_seg']) must keep them"
            )
        found = tuple(sample.gt_fields.part_seg.shape)
        if found != (1, *size):
            raise ValueError(
                f"'part_seg' of sample {_name(sample)!r} must have the shape of the network's input, {(1, *size)}, "
                f'found {found}'
            )
    return torch.cat([torch.as_tensor(sample.gt_fields.part_seg) for sample in data_samples]).to(device)


def stack_cubes(data_samples: list, device: torch.device) -> tuple[Tensor, Tensor]:
    """Stack the metric cubes to which the depth was cut.

    Args:
        data_samples: ``PoseDataSample`` of each image, with ``depth_cube`` in its meta information, as set by
            ``DepthToCube``.
        device: Device of the result.

    Returns:
        Depths of the cubes' centres in the camera frame, and lengths of their edges, each shape (B,), mm, float32.

    Raises:
        ValueError: If a sample has none; names it.
    """
    for sample in data_samples:
        if sample.get('depth_cube') is None:
            raise ValueError(
                f"sample {_name(sample)!r} has no 'depth_cube' in its meta information: joints are predicted in the "
                'metric cube of the depth, so put DepthToCube into the pipeline'
            )
    depth, edge = torch.tensor([sample.depth_cube for sample in data_samples], dtype=torch.float32, device=device).T
    return depth, edge


def _tensor(arrays: Sequence[np.ndarray], device: torch.device) -> Tensor:
    return torch.from_numpy(np.stack(arrays)).to(device=device, dtype=torch.float32)


def _name(sample: PoseDataSample) -> str | int | None:
    return sample.get('img_path') or sample.get('img_id')
