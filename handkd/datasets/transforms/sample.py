"""Keys and shapes of a sample dict, and the errors about missing or malformed ones."""

from __future__ import annotations

from math import isfinite

import numpy as np

from handkd.hand import JOINTS, NUM_JOINTS, SIDES

_FIXED_CAMERAS = 'choose a data set with fixed cameras: StudioRigDataset, PanopticHandDataset, a hand folder of a rig'

_REMEDIES = {
    'img': "ask the data set for it (modalities=('rgb',)); put one of MMPose's into MMPoseHandDataset",
    'depth': "ask the data set for it (modalities=('rgb', 'depth')), or choose one that has depth maps",
    'hand_mask': 'put HandMaskFromDepth before, or choose a data set with masks',
    'part_seg': 'choose a data set with part labels',
    'keypoints': 'the data set must give the 2D joints',
    'keypoints_cam': 'the data set must give the 3D joints in the camera frame',
    'camera': 'the data set must give the camera intrinsics',
    'bbox': "the data set must give a box, or choose another rule than 'box'",
    'crop': 'put HandCrop before',
    'hand_center': "put FindHandCube before, or give 'center' in the lines of a hand folder",
    'background': 'put LoadBackground before',
    'sequence': _FIXED_CAMERAS,
    'view': _FIXED_CAMERAS,
}
"""Remedy for each missing key."""

PICTURE_KEYS = ('img', 'background')
"""Keys of colour images: (H, W, 3), uint8, BGR."""

PIXEL_KEYS = ('img', 'depth', 'hand_mask', 'part_seg', 'background')
"""Keys of all images and maps."""

JOINT_SHAPES = {
    'keypoints': (1, NUM_JOINTS, 2),
    'keypoints_cam': (1, NUM_JOINTS, 3),
    'keypoints_visible': (1, NUM_JOINTS),
    'keypoints_valid': (1, NUM_JOINTS),
}
"""Shapes of the labels of the 21 joints."""

CAMERA_SHAPES = {'K': (3, 3), 'R': (3, 3), 'T': (3,), 'dist': (5,)}
"""Shapes of a camera's entries."""


def sample_name(results: dict) -> str:
    """Return a sample's name for errors: its number and file, as far as it has them."""
    file = 'img_path' if results.get('img_path') is not None else 'depth_path'
    known = [f'{key} {results[key]!r}' for key in ('img_id', file) if results.get(key) is not None]
    return f'sample ({", ".join(known)})' if known else 'sample (without img_id and img_path)'


def require(results: dict, transform: object, *keys: str) -> None:
    """Raise a ValueError naming sample, transform and remedy if a key is absent or None.

    Args:
        results: The sample.
        transform: The transform that needs the keys.
        keys: The keys.
    """
    for key in keys:
        if results.get(key) is None:
            raise ValueError(
                f'{type(transform).__name__} needs {key!r}, but {sample_name(results)} has none: {_REMEDIES[key]}'
            )


def any_pixels(results: dict, transform: object) -> str:
    """Return the key of an image or map of a sample.

    Raises:
        ValueError: If it has none; names the sample and the transform that needs one.
    """
    key = next((key for key in PIXEL_KEYS if results.get(key) is not None), 'img')
    require(results, transform, key)
    return key


def labelled_joints(results: dict) -> np.ndarray:
    """Return which joints have a label.

    A joint has none if ``keypoints_valid`` is 0, or if a coordinate is not finite while ``keypoints_visible`` is 0.

    Args:
        results: A sample with ``keypoints`` or ``keypoints_cam`` or both.

    Returns:
        Shape (21,), bool.

    Raises:
        ValueError: If an array has a wrong shape, or a coordinate is not finite although the joint is neither marked as
            invalid nor as invisible; names the sample, the key and the joints.
    """
    valid = np.ones(NUM_JOINTS, bool)
    for key, shape in JOINT_SHAPES.items():
        value = results.get(key)
        if value is not None and (not isinstance(value, np.ndarray) or value.shape != shape):
            found = f'shape {value.shape}' if isinstance(value, np.ndarray) else type(value).__name__
            raise ValueError(f'{sample_name(results)}: {key!r} must be an array of shape {shape}, found {found}')
    if results.get('keypoints_valid') is not None:
        valid = results['keypoints_valid'][0] > 0
    excused = None
    for key in ('keypoints', 'keypoints_cam'):
        value = results.get(key)
        # The sum of squares is finite only if all are, and takes a third of the time.
        if value is None or isfinite(np.vdot(value, value)) or np.isfinite(value).all():
            continue
        if excused is None:
            excused = ~valid
            if results.get('keypoints_visible') is not None:
                excused = excused | (results['keypoints_visible'][0] == 0)
        finite = np.isfinite(value[0]).all(-1)
        bad = np.flatnonzero(~finite & ~excused)
        if bad.size:
            names = ', '.join(JOINTS[joint] for joint in bad)
            raise ValueError(
                f'{sample_name(results)}: {key!r} is not finite at {names} (found {value[0, bad[0]].tolist()}); '
                'correct the label, or set keypoints_valid to 0 there'
            )
        valid = valid & finite
    return valid


def check_sample(results: dict) -> None:
    """Check a sample's labels, and set those of unlabelled joints to 0.

    Afterwards ``keypoints_valid`` (1, 21) float32 is 1 for joints with a label (see :func:`labelled_joints`), and the
    coordinates of the others are 0 and not NaN, since in a loss even a weight of 0 does not remove a NaN. Arrays are
    replaced, never written to.

    A data set's own joints (``keypoints_native`` (1, K, 2), ``keypoints_cam_native`` (1, K, 3)) are all labelled.

    Raises:
        ValueError: If a label is not finite or has the wrong shape, or ``hand_side`` or ``camera`` is malformed; names
            the sample, the key, the found and the expected value.
    """
    valid = labelled_joints(results)
    results['keypoints_valid'] = valid[None].astype(np.float32)
    if not valid.all():
        for key in ('keypoints', 'keypoints_cam'):
            if results.get(key) is not None:
                results[key] = np.where(valid[None, :, None], results[key], np.zeros((), results[key].dtype))
    _check_native(results)
    side = results.get('hand_side')
    if side is not None and side not in SIDES:
        raise ValueError(f"{sample_name(results)}: 'hand_side' must be one of {SIDES}, found {side!r}")
    camera = results.get('camera')
    if camera is not None:
        for key, shape in CAMERA_SHAPES.items():
            value = camera.get(key)
            if (value is None and key == 'K') or (value is not None and np.shape(value) != shape):
                found = 'nothing' if value is None else f'shape {np.shape(value)}'
                raise ValueError(f'{sample_name(results)}: camera[{key!r}] must have shape {shape}, found {found}')


def _check_native(results: dict) -> None:
    """Check a data set's own joints: finite, and the same number in 2D and 3D."""
    flat, joints = results.get('keypoints_native'), results.get('keypoints_cam_native')
    count = next((value.shape[1] for value in (flat, joints) if value is not None and value.ndim == 3), 'K')
    for key, value, width in (('keypoints_native', flat, 2), ('keypoints_cam_native', joints, 3)):
        if value is not None and value.shape != (1, count, width):
            expected = f'(1, {count}, {width})'
            raise ValueError(f'{sample_name(results)}: {key!r} must have shape {expected}, found {value.shape}')
        if value is not None and not np.isfinite(value).all():
            joint = np.flatnonzero(~np.isfinite(value[0]).all(-1))[0]
            raise ValueError(f'{sample_name(results)}: {key!r} is not finite at joint {joint} of {count}')
