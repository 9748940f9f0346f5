"""Writes rendered hands as the NYU Hand Pose data set v2 (Tompson et al. 2014): a right hand and three Kinects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.io import savemat

from handkd.hand import JOINT_INDEX

from ..sample import split_number
from .frames import save_image
from .photograph import Camera, Photograph, photograph
from .rig import look_at

_SPLITS = ('train', 'test')
_FX, _FY, _CX, _CY = 588.036865, 587.075073, 320.0, 240.0
_K = np.array([[_FX, 0, _CX], [0, _FY, _CY], [0, 0, 1]])
_NOTHING = 2001
"""Depth (mm) in the files for 'no measurement'."""
_TARGET = (0.0, 0.0, 780.0)
_EYES = ((0, 0, 0), (-560, -90, 170), (590, 60, 210))
"""Positions of the Kinects (mm, in the frame of the first); all look at the target."""
_REACH = ((-60.0, -50.0, 720.0), (60.0, 50.0, 840.0))
"""Corners of the box (mm, in the first Kinect's frame) of hand positions."""

_FINGERS = {'F1': 'little', 'F2': 'ring', 'F3': 'middle', 'F4': 'index', 'TH': 'thumb'}
_BLEND = {
    'KNU3_A': ('tip', 'tip', 0.0),
    'KNU3_B': ('dip', 'dip', 0.0),
    'KNU2_A': ('dip', 'pip', 0.5),
    'KNU2_B': ('pip', 'pip', 0.0),
    'KNU1_A': ('mcp', 'mcp', 0.0),
    'KNU1_B': ('mcp', 'wrist', 0.25),
}
"""Point of a finger -> the two joints it lies between, and its share of the way from the first to the second."""
_THUMB = {'tip': 'tip', 'dip': 'ip', 'pip': 'mcp', 'mcp': 'cmc'}
_PALM = {
    'PALM_1': ('wrist', 'little_mcp', 'middle_mcp', 0.4),
    'PALM_2': ('wrist', 'index_mcp', 'middle_mcp', 0.4),
    'PALM_3': ('wrist', 'wrist', 'wrist', 0.0),
    'PALM_4': ('wrist', 'little_mcp', 'wrist', 0.5),
    'PALM_5': ('wrist', 'middle_mcp', 'wrist', 0.5),
    'PALM_6': ('wrist', 'wrist', 'wrist', 0.0),
}
"""Point of the palm (a, b, c, t) -> a + t (b - c). PALM_1 and PALM_2 are the wrist's sides, across the palm; PALM_3
and PALM_6, either of which can be the root of 21 joints, are the wrist."""
NAMES = [*(f'{short}_{point}' for short in _FINGERS for point in _BLEND), *_PALM]
"""The 36 points, in the file's order."""
_PREDICTED = [0, 3, 6, 9, 12, 15, 18, 21, 24, 25, 27, 30, 31, 32]
"""The 14 of them that are evaluated."""


def write_nyu(out: Path, num: int, seed: int, parts: bool = False) -> Iterator[dict]:
    """Write ``train/`` and ``test/``: depth, colour and synthetic depth of three Kinects, and ``joint_data.mat``.

    The rendered hand has only 21 joints; the others of the 36 are points between them: KNU2_A is the middle
    of its phalanx, KNU1_B lies a quarter of the way from the finger's base to the wrist, PALM_1 and PALM_2 next to the
    wrist, PALM_4 and PALM_5 halfway to the little and middle finger. Colour is black without depth; synthetic
    depth is that of the hand without its arm. ``test_predictions.mat`` has the 14 evaluated joints in the first Kinect,
    with 2 px of noise.

    Args:
        out: Folder to write into: the real one is named ``nyu_hand_dataset_v2/dataset``.
        num: Frames in each split; a frame is three images of each kind. Numbers begin at 1, and the test's second
            subject, from frame 2441 on, is reached by large sets only.
        seed: Seed of the studio.
        parts: Whether to write part labels, too, ``parts_1_0000001.png``, which the archive lacks. Defaults to False.

    Yields:
        One truth for each frame and Kinect; ``split`` is 'train' or 'test'. The files do not contain the poses of the
        Kinects, so R is the identity and T zero. Besides the usual keys: ``view`` (1 to 3), ``frame`` (from 1), and
        ``joints_36`` (36, 3), mm, camera frame with y down, and ``parts_path`` if parts are written.

    Raises:
        OSError: If a file can't be written.
    """
    cameras = [Camera(_K, (640, 480), *look_at(eye, _TARGET, (0, 1, 0))) for eye in _EYES]
    for split in _SPLITS:
        uvd, xyz = np.empty((3, num, 36, 3)), np.empty((3, num, 36, 3))
        for frame in range(num):
            center = np.random.default_rng((seed, split_number(split), frame)).uniform(*_REACH)
            for k, photo in enumerate(photograph(frame, seed, split, 'right', cameras, center, scenery=0)):
                photo = replace(photo, camera=photo.camera | {'R': np.eye(3), 'T': np.zeros(3)})
                points = points_36(photo.keypoints_cam)
                uvd[k, frame], xyz[k, frame] = _to_uvd(points), points * (1, -1, 1)
                yield _save(out, split, k + 1, frame + 1, photo, parts) | {'joints_36': points}
        names = np.array(NAMES, object)[None]
        savemat(out / split / 'joint_data.mat', {'joint_names': names, 'joint_uvd': uvd, 'joint_xyz': xyz})
        if split == 'test':
            _save_predictions(out / split, uvd[:1], np.random.default_rng((seed, 1)))


def points_36(joints: np.ndarray) -> np.ndarray:
    """Return the 36 points (36, 3) of a hand's 21 joints (21, 3), any unit, any frame."""
    at = {name: joints[j] for name, j in JOINT_INDEX.items()}
    points = []
    for finger in _FINGERS.values():
        for first, second, share in _BLEND.values():
            a, b = (at[_joint_name(finger, joint)] for joint in (first, second))
            points.append(a + share * (b - a))
    points += [at[a] + t * (at[b] - at[c]) for a, b, c, t in _PALM.values()]
    return np.stack(points)


def _joint_name(finger: str, joint: str) -> str:
    if joint == 'wrist':
        return joint
    return f'{finger}_{_THUMB[joint] if finger == "thumb" else joint}'


def _to_uvd(points: np.ndarray) -> np.ndarray:
    """Pixels and depth (N, 3) of points (N, 3) in the camera's frame, mm."""
    x, y, z = points.T
    return np.stack([_CX + _FX * x / z, _CY + _FY * y / z, z], 1)


def _save(out: Path, split: str, view: int, frame: int, photo: Photograph, parts: bool) -> dict:
    """Write one Kinect's images of a frame and return the truth."""
    photo = replace(photo, image=np.where(photo.arm[..., None], photo.image, 0).astype(np.uint8))
    hand = np.where(photo.part_seg > 0, photo.depth, 0)
    images = {'rgb': photo.image, 'depth': _encode(photo.depth), 'synthdepth': _encode(hand)}
    if parts:
        images['parts'] = photo.part_seg
    paths = {kind: save_image(out, f'{split}/{kind}_{view}_{frame:07d}.png', pixels) for kind, pixels in images.items()}
    truth = photo.truth(split, paths['rgb'], paths['depth']) | {'view': view, 'frame': frame}
    return truth | {'parts_path': paths['parts']} if parts else truth


def _encode(depth: np.ndarray) -> np.ndarray:
    """Depth (H, W) mm as an 8-bit image in OpenCV's order: low byte in blue, high byte in green."""
    value = np.where(depth > 0, np.round(depth), _NOTHING).astype(np.uint16)
    blue, green = (value & 255).astype(np.uint8), (value >> 8).astype(np.uint8)
    return np.stack([blue, green, np.zeros_like(blue)], -1)


def _save_predictions(folder: Path, uvd: np.ndarray, rng: np.random.Generator) -> None:
    """Write the first Kinect's evaluated joints with noise, zeros elsewhere."""
    predicted = np.zeros_like(uvd)
    predicted[:, :, _PREDICTED, :2] = uvd[:, :, _PREDICTED, :2] + rng.normal(0, 2, (*uvd.shape[:2], 14, 2))
    predicted[:, :, _PREDICTED, 2] = rng.uniform(0.5, 1, (*uvd.shape[:2], 14))
    names = np.array([NAMES[j] for j in _PREDICTED], object)[None]
    savemat(folder / 'test_predictions.mat', {'conv_joint_names': names, 'pred_joint_uvconf': predicted})
