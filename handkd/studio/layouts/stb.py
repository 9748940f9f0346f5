"""Writes rendered hands as STB, the Stereo Hand Pose Tracking Benchmark (Zhang et al. 2016)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from scipy.io import savemat

from handkd.hand import JOINT_INDEX

from ..sample import split_number
from .frames import save_image, spread
from .photograph import Camera, Photograph, photograph

_TEST, _TRAIN = ('B1',), ('B2', 'B3', 'B4', 'B5', 'B6')
_SEQUENCES = {
    split: [f'{place}{kind}' for place in places for kind in ('Counting', 'Random')]
    for split, places in (('train', _TRAIN), ('test', _TEST))
}

_SIZE = (640, 480)
_BB = np.array([[822.79041, 0, 318.47345], [0, 822.79041, 250.31296], [0, 0, 1]])
_BASELINE = 120.054
"""mm from the left to the right camera of the Bumblebee2."""
_SK_COLOR = np.array([[607.92271, 0, 314.78337], [0, 607.88192, 236.42484], [0, 0, 1]])
_SK_DEPTH = np.array([[475.62768, 0, 336.41179], [0, 474.77709, 238.77962], [0, 0, 1]])
_SK_R = cv2.Rodrigues(np.array([0.00531, -0.01196, 0.00301]))[0]
_SK_T = np.array([-24.0381, -0.4563, -1.2326])
"""Colour to depth camera of the F200: X_depth = R X_color + t, mm."""
_SK_PLACE = np.array([-70.0, 55.0, 8.0])
"""Translation (mm) from the left Bumblebee2 to the F200's depth camera; the real one is not published."""

_ORDER = [
    'palm',
    *(
        f'{finger}_{joint}'
        for finger in ('little', 'ring', 'middle', 'index')
        for joint in ('mcp', 'pip', 'dip', 'tip')
    ),
    *(f'thumb_{joint}' for joint in ('cmc', 'mcp', 'ip', 'tip')),
]
_REACH = ((0.0, -60.0, 450.0), (120.0, 40.0, 700.0))
"""Corners of the box (mm, in the left Bumblebee2's frame) of hand positions."""


def write_stb(out: Path, num: int, seed: int) -> Iterator[dict]:
    """Write ``images/`` and ``labels/`` of the 12 sequences: left hands, seen by two Bumblebee2 and two F200 cameras.

    Depth is 0 outside hand and arm. The palm's centre is the middle of wrist and ring finger's MCP joint, so
    that the wrist usually estimated from it, ringMCP + 2 (palm - ringMCP), is the hand's.

    Args:
        out: Folder to write into.
        num: Frames in each split, of which each sequence gets at least one; a frame is four images.
        seed: Seed of the studio.

    Yields:
        Three truths per frame, in this order: of ``BB_left`` and ``BB_right``, whose world is the frame of the left,
        and of ``SK_color``, whose world is the F200's depth camera's. The last has ``depth_path``, ``depth_camera`` and
        ``keypoints_depth_cam``. ``split`` is 'train' or 'test' (B1Counting and B1Random). Besides the usual keys:
        ``palm`` (3,), mm, in the image's camera frame; ``sequence`` and ``frame``.

    Raises:
        OSError: If a file can't be written.
    """
    for split, names in _SEQUENCES.items():
        first = 0
        for name, count in zip(names, spread(num, len(names))):
            yield from _write_sequence(out, split, name, range(first, first + count), seed)
            first += count


def _cameras() -> list[Camera]:
    """Left and right Bumblebee2, colour and depth camera of the F200; the world is the frame of the first."""
    color_place = _SK_R.T @ (_SK_PLACE - _SK_T)
    return [
        Camera(_BB, _SIZE),
        Camera(_BB, _SIZE, T=np.array([-_BASELINE, 0, 0])),
        Camera(_SK_COLOR, _SIZE, _SK_R.T, color_place),
        Camera(_SK_DEPTH, _SIZE, T=_SK_PLACE),
    ]


def _write_sequence(out: Path, split: str, name: str, indices: Sequence[int], seed: int) -> Iterator[dict]:
    """Write a sequence's images and its two label files."""
    labels = {'BB': [], 'SK': []}
    for frame, index in enumerate(indices):
        center = np.random.default_rng((seed, split_number(split), index)).uniform(*_REACH)
        left, right, color, depth = photograph(index, seed, split, 'left', _cameras(), center, scenery=indices[0])
        labels['BB'].append(_label(left.keypoints_cam))
        labels['SK'].append(_label(depth.keypoints_cam))
        color = replace(color, camera=color.camera | {'R': _SK_R.T, 'T': -_SK_R.T @ _SK_T})
        depth = replace(depth, camera=depth.camera | {'T': np.zeros(3)})
        yield from _save(out / 'images' / name, out, split, frame, (left, right, color, depth))
    for device, rows in labels.items():
        path = out / 'labels' / f'{name}_{device}.mat'
        path.parent.mkdir(parents=True, exist_ok=True)
        savemat(path, {'handPara': np.stack(rows).transpose(2, 1, 0)})


def _save(folder: Path, out: Path, split: str, frame: int, photos: Sequence[Photograph]) -> Iterator[dict]:
    """Write a frame's four images and yield its three truths."""
    left, right, color, depth = photos
    where = folder.relative_to(out).as_posix()
    value = np.round(depth.depth).astype(np.uint16)
    blue, green, red = np.zeros(value.shape, np.uint8), (value >> 8).astype(np.uint8), (value & 255).astype(np.uint8)
    depth_path = save_image(out, f'{where}/SK_depth_{frame}.png', np.stack([blue, green, red], -1))
    for prefix, photo in (('BB_left', left), ('BB_right', right), ('SK_color', color)):
        path = save_image(out, f'{where}/{prefix}_{frame}.png', photo.image)
        files = {'depth_path': depth_path, 'depth_view': depth} if photo is color else {}
        extra = {'palm': _palm(photo.keypoints_cam), 'sequence': folder.name, 'frame': frame}
        yield photo.truth(split, path, **files) | extra


def _palm(joints: np.ndarray) -> np.ndarray:
    """The palm's centre (3,) as in the label files."""
    return 0.5 * (joints[JOINT_INDEX['wrist']] + joints[JOINT_INDEX['ring_mcp']])


def _label(joints: np.ndarray) -> np.ndarray:
    """Rows (21, 3) of a label file, mm."""
    return np.stack([_palm(joints) if name == 'palm' else joints[JOINT_INDEX[name]] for name in _ORDER])
