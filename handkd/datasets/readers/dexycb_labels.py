"""Labels of a frame of DexYCB, and visibility derived from its depth map and segmentation."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from handkd.array_files import ArrayFileError, read_npz
from handkd.hand import JOINTS, NUM_JOINTS
from handkd.units import is_sane

from .depth_files import DepthFormat

DEXYCB_JOINTS: tuple[str, ...] = JOINTS
"""The joints in the files' order, which is also handkd's."""

NAMES: dict[str, str] = {
    'labels': 'labels_{:06d}.npz',
    'rgb': 'color_{:06d}.jpg',
    'depth': 'aligned_depth_to_color_{:06d}.png',
}
"""Kind of file -> name of a frame's file."""
SIZE = (640, 480)
"""Width and height of all images, px."""
HAND = 255
"""Value of the hand's pixels in a segmentation."""
DEPTH = DepthFormat()
"""Encoding of the depth maps: 16 bits, mm."""

_ORDER = [DEXYCB_JOINTS.index(name) for name in JOINTS]
_LABELS = {'joint_3d': (1, NUM_JOINTS, 3), 'joint_2d': (1, NUM_JOINTS, 2)}


def read_labels(
    folders: Sequence[str], which: np.ndarray, frames: np.ndarray, visibility: str, within: float, row: int
) -> dict[str, np.ndarray]:
    """Read the labels of a frame.

    Args:
        folders: Paths of the cameras' recordings.
        which: Recording of each frame, shape (N,), int.
        frames: Number of each frame in its recording, shape (N,), int.
        visibility: 'depth', 'seg' or 'inside', see :class:`DexYCBDataset`.
        within: Largest distance of a visible joint behind the surface at its pixel, mm.
        row: Which of the N frames.

    Returns:
        ``labelled`` (), bool; ``joints`` (21, 3), mm, camera frame; ``keypoints`` (21, 2), px; and ``visible``
        (21,), bool.

    Raises:
        OSError: If a file is missing, or a depth map damaged.
        ValueError: If a label is wrong; names the file and the key.
    """
    folder, frame = folders[which[row]], int(frames[row])
    path = f'{folder}/{NAMES["labels"].format(frame)}'
    labels = read_npz(path, _LABELS)
    for key, shape in _LABELS.items():
        if labels[key].shape != shape or labels[key].dtype.kind != 'f' or not is_sane(labels[key]).all():
            raise ValueError(
                f'{path!r}: {key!r} must be finite numbers of shape {shape}, found {labels[key].dtype} '
                f'{labels[key].shape} {labels[key].ravel()[:3].tolist()}...'
            )
    joints, keypoints = (labels[key][0][_ORDER].astype(np.float32) for key in _LABELS)
    labelled = not (joints == -1).all()
    if labelled and not (joints[:, 2] > 0).all():
        joint = int(np.argmin(joints[:, 2]))
        raise ValueError(
            f"{path!r}: 'joint_3d' of {JOINTS[joint]!r} is {joints[joint].tolist()}, expected metres with z above 0, "
            'or -1 for all joints of a frame without a label'
        )
    visible = np.zeros(NUM_JOINTS, bool)
    joints = joints * np.float32(1000)
    if labelled:
        visible = _is_inside(keypoints)
        if visibility != 'inside' and visible.any():
            depth = DEPTH.read(f'{folder}/{NAMES["depth"].format(frame)}') if visibility == 'depth' else None
            visible &= _is_in_sight(keypoints, joints[:, 2], read_seg(path), depth, within)
    return dict(labelled=np.array(labelled), joints=joints, keypoints=keypoints, visible=visible)


def _is_inside(pixels: np.ndarray) -> np.ndarray:
    """Return which pixels (21, 2) lie inside the image, (21,) bool."""
    return (pixels > -0.5).all(-1) & (pixels < np.subtract(SIZE, 0.5)).all(-1)


def _is_in_sight(
    pixels: np.ndarray, distance: np.ndarray, seg: np.ndarray, depth: np.ndarray | None, within: float
) -> np.ndarray:
    """Return which joints at pixels (21, 2) and a distance (21,), mm, are on the hand and not behind another surface.

    ``seg`` and ``depth`` (mm, 0 without a reading) have shape (480, 640).
    """
    u, v = np.rint(pixels).astype(int).clip(0, np.subtract(SIZE, 1)).T
    on_hand = seg[v, u] == HAND
    if depth is None:
        return on_hand
    surface = depth[v, u]
    return on_hand & ((surface == 0) | (distance - surface <= within))


def read_seg(path: str | os.PathLike) -> np.ndarray:
    """Read the segmentation of a frame from its label file.

    Returns:
        Shape (480, 640), uint8: 0 background, 1 to 21 objects, 255 the hand.

    Raises:
        OSError: If the file is missing.
        ArrayFileError: If it is damaged, or the segmentation has another form; names it.
    """
    seg = read_npz(path, ['seg'])['seg']
    if seg.shape != SIZE[::-1] or seg.dtype != np.uint8:
        raise ArrayFileError(path, f"'seg' must be uint8 of shape {SIZE[::-1]}, found {seg.dtype} {seg.shape}")
    return seg
