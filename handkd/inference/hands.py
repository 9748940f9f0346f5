"""Results of inference for one hand, from the joints that a network predicts."""

from __future__ import annotations

import numpy as np

from handkd.geometry import project
from handkd.hand import NUM_JOINTS, chirality


def hand_in_space(xyz: np.ndarray, keypoints: np.ndarray, side: str | None, hand_scale_mm: float | None) -> dict:
    """Return the results for a hand with 3D joints.

    Args:
        xyz: Joints in units of the hand's scale, shape (21, 3), camera axes, any origin.
        keypoints: The joints in px of the image, shape (21, 2).
        side: 'left' or 'right', or None to estimate it from the pose.
        hand_scale_mm: Length of the scale bone in mm, or None.

    Returns:
        ``keypoints``, ``keypoints_3d``, ``unit``, ``side``, ``side_source``, ``side_score`` and ``keypoints_cam``
        as of :data:`.records.HAND_KEYS`; ``keypoints_cam`` is None.
    """
    wrist_relative = xyz - xyz[0]
    estimate, confidence = chirality(wrist_relative)
    return dict(
        keypoints=keypoints,
        keypoints_3d=wrist_relative * (hand_scale_mm or 1.0),
        unit='hand_scale' if hand_scale_mm is None else 'mm',
        side=side or estimate,
        side_source='given' if side else 'estimated',
        side_score=None if side else confidence,
        keypoints_cam=None,
    )


def scale_hand(joints: np.ndarray | None, xyz: np.ndarray, hand_scale_mm: float | None) -> np.ndarray | None:
    """Return joints scaled about the camera to a given length of the scale bone, so that their pixels don't change.

    Args:
        joints: Joints of the mean size of the training, shape (21, 3), mm, camera frame; None gives None.
        xyz: The same pose in units of the hand's scale, shape (21, 3), camera axes.
        hand_scale_mm: Length of the scale bone in mm; None keeps the size.

    Returns:
        Shape (21, 3), mm, camera frame; or None.
    """
    if joints is None or hand_scale_mm is None:
        return joints
    size, unit = (np.linalg.norm(pose - pose[0], axis=1).sum() for pose in (joints, xyz))
    return joints * (hand_scale_mm * unit / size)


def hand_in_cube(joints: np.ndarray, camera: np.ndarray, side: str | None) -> dict:
    """Return the results for a hand whose joints a network gives in the camera frame.

    Args:
        joints: Shape (J, 3), mm, camera frame.
        camera: Intrinsics K of the image, shape (3, 3), px.
        side: 'left' or 'right', or None to estimate it from the pose if there are 21 joints.

    Returns:
        The keys of :func:`hand_in_space`.
    """
    relative, pixels = joints - joints[0], project(joints, dict(K=camera))
    if len(joints) == NUM_JOINTS:
        hand = hand_in_space(relative, pixels, side, 1.0)
    else:
        hand = dict(hand_in_image(pixels, side), keypoints_3d=relative, unit='mm')
    return dict(hand, keypoints_cam=joints)


def hand_in_image(keypoints: np.ndarray, side: str | None) -> dict:
    """Return the results for a hand with 2D joints.

    Args:
        keypoints: The joints in px of the image, shape (J, 2).
        side: 'left' or 'right', or None: unknown.

    Returns:
        The keys of :func:`hand_in_space`.
    """
    return dict(
        keypoints=keypoints,
        keypoints_3d=None,
        unit=None,
        side=side,
        side_source='given' if side else None,
        side_score=None,
        keypoints_cam=None,
    )
