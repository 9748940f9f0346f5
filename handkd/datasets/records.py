"""Labels of one sample in the form that all transforms expect, from those of a data set's files."""

from __future__ import annotations

import numpy as np

from handkd.geometry import project
from handkd.hand import JOINTS
from handkd.units import FARTHEST


def flat_record(
    keypoints: np.ndarray,
    valid: np.ndarray,
    size: tuple[int, int],
    side: str | None = None,
    visible: np.ndarray | None = None,
) -> dict:
    """Return the labels of a hand in 2D alone as a sample dict: those of :func:`hand_record` without 3D and camera.

    Args:
        keypoints: Joints in handkd's order, shape (21, 2), px.
        valid: Which joints have a label, shape (21,), bool.
        size: (width, height) of the image, px.
        side: 'left' or 'right'. Defaults to None: unknown; the sample then has no ``hand_side``.
        visible: Which joints are visible, shape (21,), bool. Defaults to None: those in the image.

    Raises:
        ValueError: If a labelled joint is beyond :data:`handkd.units.FARTHEST`; names it and its position.
    """
    # Any points in front of the camera: the 2D joints replace their projections.
    record = hand_record(np.ones((len(keypoints), 3)), {}, side or '', size, valid, visible, keypoints)
    for key in ('keypoints_cam', 'camera', *['hand_side'] * (side is None)):
        del record[key]
    return record


def hand_record(
    joints_cam: np.ndarray,
    camera: dict,
    side: str,
    size: tuple[int, int],
    valid: np.ndarray | None = None,
    visible: np.ndarray | None = None,
    keypoints: np.ndarray | None = None,
) -> dict:
    """Return the labels of a hand as a sample dict.

    Args:
        joints_cam: Joints in handkd's order, shape (21, 3), mm, camera frame (x right, y down, z forward).
        camera: ``K`` and, if there are any, ``R``, ``T`` and ``dist``; see :mod:`handkd.geometry.camera`.
        side: 'left' or 'right'.
        size: (width, height) of the image, px.
        valid: Which joints have a label, shape (21,), bool; coordinates of the others are not read. Defaults to None:
            all.
        visible: Which joints are visible, shape (21,), bool. Defaults to None: those that project into the image.
        keypoints: Joints in px, shape (21, 2), if the files have them. Defaults to None: by projection.

    Returns:
        ``keypoints`` (1, 21, 2), ``keypoints_cam`` (1, 21, 3), ``keypoints_visible`` and ``keypoints_valid`` (1, 21),
        all float32 with 0 at joints without a label, ``camera``, ``hand_side``, ``bbox`` (1, 4) around the labelled
        joints, ``img_shape`` and ``ori_shape``.

    Raises:
        ValueError: If a labelled joint lies behind the camera, or beyond
            :data:`handkd.units.FARTHEST`, in space or in the image; names it and its position.
    """
    valid = np.ones(len(joints_cam), bool) if valid is None else np.asarray(valid, bool)
    joints = np.where(valid[:, None], joints_cam, 0.0)
    behind = np.flatnonzero(valid & (joints[:, 2] <= 0))
    if len(behind):
        raise ValueError(
            f'joint {JOINTS[behind[0]]!r} lies behind the camera, its z is {joints[behind[0], 2]:g}; expected x, y, z '
            'in mm with z forward'
        )
    if keypoints is None:
        in_front = np.where(valid, joints[:, 2], 1.0)
        keypoints = project(np.concatenate([joints[:, :2], in_front[:, None]], 1), camera)
    keypoints = np.where(valid[:, None], keypoints, 0.0)
    for what, labels in (('mm', joints), ('px', keypoints)):
        if np.abs(labels).max() > FARTHEST:  # false for NaN, which check_sample refuses
            joint = np.argwhere(np.abs(labels) > FARTHEST)[0, 0]
            raise ValueError(
                f'joint {JOINTS[joint]!r} is at {labels[joint].tolist()} {what}, expected numbers up to {FARTHEST:g}'
            )
    inside = (keypoints > -0.5).all(-1) & (keypoints < np.subtract(size, 0.5)).all(-1)
    seen = valid & (inside if visible is None else np.asarray(visible, bool))
    record = {
        'keypoints': keypoints[None].astype(np.float32),
        'keypoints_visible': seen[None].astype(np.float32),
        'keypoints_valid': valid[None].astype(np.float32),
        'keypoints_cam': joints[None].astype(np.float32),
        'camera': camera,
        'hand_side': side,
        'img_shape': (size[1], size[0]),
        'ori_shape': (size[1], size[0]),
    }
    if valid.any():
        labelled = record['keypoints'][0][valid]
        record['bbox'] = np.concatenate([labelled.min(0), labelled.max(0)])[None]
    return record
