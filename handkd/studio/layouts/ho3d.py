"""Writes rendered hands as HO-3D (Hampali et al., CVPR 2020), version 2 or 3.

The world of a recording is the frame of the first camera in its calibration.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from handkd.hand import JOINT_INDEX

from .frames import save_image, spread
from .photograph import Camera, Photograph, photograph
from .python2 import pickle_as_python2
from .rig import look_at

_RECORDINGS = {
    'train': {'ABF1': (1, 3, 2, 4, 0), 'MC1': None},
    'evaluation': {'SB1': (2, 0, 4), 'SM1': None},
}
"""Split -> recording -> its cameras in the order of the calibration; None for a single, uncalibrated camera."""
_STUDIO_SPLITS = {'train': 'train', 'evaluation': 'test'}
_SUFFIXES = {'v2': 'png', 'v3': 'jpg'}
_UNLABELLED = 'MC1'
"""The recording whose first frame has no labels."""
_STEP = 2
"""Difference of the numbers of consecutive frames."""

_SIZE = (640, 480)
_K = np.array([[617.343, 0, 312.42], [0, 617.343, 241.42], [0, 0, 1]])
_UNIT = 0.12498664727900177
"""mm per count of the depth maps."""
_JOINTS = [
    'wrist',
    *(f'{finger}_{joint}' for finger in ('index', 'middle', 'little', 'ring') for joint in ('mcp', 'pip', 'dip')),
    'thumb_cmc',
    'thumb_mcp',
    'thumb_ip',
    *(f'{finger}_tip' for finger in ('thumb', 'index', 'middle', 'ring', 'little')),
]
_ROWS = [JOINT_INDEX[name] for name in _JOINTS]
_DISTANCE = 650.0
"""Of the hand from the cameras, mm."""


def write_ho3d(out: Path, num: int, seed: int, version: str = 'v3') -> Iterator[dict]:
    """Write ``train/``, ``evaluation/``, their lists, ``calibration/`` and ``evaluation_xyz.json``: right hands.

    Each split has a recording of several cameras and one of a single camera. One frame of the training set is listed
    whose labels are None. Frames are numbered with gaps, and the lists are not sorted. MANO's parameters and those of
    objects are 0; ``seg/`` and ``evaluation_verts.json`` are not written.

    Args:
        out: Folder to write into.
        num: Moments in each split, of which each recording gets at least one; a moment is as many images as there are
            cameras.
        seed: Seed of the studio.
        version: 'v2' or 'v3', whose photographs are PNG and JPEG. Defaults to 'v3'.

    Yields:
        One image's truth; ``split`` is 'train' or 'evaluation'. Besides the usual keys: ``sequence``, with the camera's
        digit, ``frame``, ``view``, and ``calibrated``, whether the camera has a pose in the recording's world.

    Raises:
        OSError: If a file can't be written.
    """
    for split, recordings in _RECORDINGS.items():
        listed, first = {}, 0
        for number, ((name, order), count) in enumerate(zip(recordings.items(), spread(num, len(recordings)))):
            cameras = _cameras(order, np.random.default_rng((seed, len(split), number)))
            if order is not None:
                _save_calibration(out / f'calibration/{name}/calibration', order, cameras)
            shots = _shoot(split, name, cameras, range(first, first + count), seed)
            for sequence, frame, view, photo in shots:
                truth = _save(out, split, sequence, frame, photo, version)
                listed[f'{sequence}/{frame:04d}'] = (photo.keypoints_cam[_ROWS] * (1, -1, -1) / 1000).tolist()
                yield truth | {'view': view, 'calibrated': order is not None}
            if name == _UNLABELLED:
                frame = _STEP * count
                _save(out, split, sequence, frame, photo, version, labelled=False)
                listed[f'{sequence}/{frame:04d}'] = None
            first += count
        _save_lists(out, split, listed, seed)


def _save_lists(out: Path, split: str, listed: dict[str, list | None], seed: int) -> None:
    """Write the list of a split's frames in any order, and the evaluation's joints in the same one."""
    lines = list(listed)
    np.random.default_rng((seed, 7)).shuffle(lines)
    (out / f'{split}.txt').write_text(''.join(f'{line}\n' for line in lines))
    if split == 'evaluation':
        (out / 'evaluation_xyz.json').write_text(json.dumps([listed[line] for line in lines]))


def _cameras(order: Sequence[int] | None, rng: np.random.Generator) -> dict[int, Camera]:
    """Place the cameras of a recording around the hand; the world is the first one's frame."""
    poses = []
    for number in range(len(order or (0,))):
        around = np.radians(60 * number + rng.uniform(-10, 10))
        eye = (_DISTANCE * np.sin(around), -200 + rng.uniform(-80, 80), -_DISTANCE * np.cos(around))
        poses.append(look_at(eye, (0, 0, 0), (0, 1, 0)))
    turn, move = poses[0]
    cameras = {}
    for view, (rotation, translation) in zip(order or (0,), poses):
        rotation = rotation @ turn.T
        cameras[view] = Camera(_K, _SIZE, rotation, translation - rotation @ move)
    return cameras


def _save_calibration(folder: Path, order: Sequence[int], cameras: dict[int, Camera]) -> None:
    """Write the order of the cameras, and for each its intrinsics and its matrix from camera to world, metres."""
    folder.mkdir(parents=True)
    np.savetxt(folder / 'cam_orders.txt', order)
    for place, view in enumerate(order):
        camera, matrix = cameras[view], np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = camera.R.T, -camera.R.T @ camera.T / 1000
        np.savetxt(folder / f'trans_{place}.txt', matrix)
        (folder / f'cam_{place}_intrinsics.txt').write_text(
            f'width: 640, height: 480, ppx: {_K[0, 2]}, ppy: {_K[1, 2]}, fx: {_K[0, 0]}, fy: {_K[1, 1]}, '
            'model: Brown Conrady, coeffs: [0, 0, 0, 0, 0]\n'
        )


def _shoot(
    split: str, name: str, cameras: dict[int, Camera], indices: Sequence[int], seed: int
) -> Iterator[tuple[str, int, int, Photograph]]:
    """Yield sequence, frame, view and photograph of each image of a recording."""
    calibrated = len(cameras) > 1
    for number, index in enumerate(indices):
        shift = np.random.default_rng((seed, len(name), len(split), number)).uniform(-50, 50, 3)
        center = (0, 0, np.hypot(_DISTANCE, 200)) + shift
        pair = list(cameras.values())
        photos = photograph(
            index, seed, _STUDIO_SPLITS[split], 'right', pair, center, scenery=indices[0], person=indices[0]
        )
        for view, photo in zip(cameras, photos):
            yield f'{name}{view}' if calibrated else name, _STEP * number, view, photo


def _save(
    out: Path, split: str, sequence: str, frame: int, photo: Photograph, version: str, labelled: bool = True
) -> dict:
    """Write the files of an image and return its truth."""
    folder = f'{split}/{sequence}'
    image = save_image(out, f'{folder}/rgb/{frame:04d}.{_SUFFIXES[version]}', photo.image)
    value = np.round(photo.depth / _UNIT).astype(np.uint16)
    blue, green, red = np.zeros(value.shape, np.uint8), (value >> 8).astype(np.uint8), (value & 255).astype(np.uint8)
    depth = save_image(out, f'{folder}/depth/{frame:04d}.png', np.stack([blue, green, red], -1))
    path = out / folder / f'meta/{frame:04d}.pkl'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle_as_python2(_labels(photo, split, labelled)))
    return photo.truth(split, image, depth) | {'sequence': sequence, 'frame': frame, 'bbox': _box(photo)}


def _box(photo: Photograph) -> np.ndarray:
    """Return the box (4,), px, around the joints."""
    return np.concatenate([photo.keypoints.min(0), photo.keypoints.max(0)])


def _labels(photo: Photograph, split: str, labelled: bool) -> dict[str, object]:
    """Return the content of a label file."""
    joints = photo.keypoints_cam[_ROWS] * (1, -1, -1) / 1000
    shared = {'camMat': photo.camera['K'], 'objName': '021_bleach_cleanser', 'objLabel': 12}
    if split == 'evaluation':
        return shared | {'handJoints3D': joints[0], 'handBoundingBox': _box(photo)}
    zeros = {'handPose': (48,), 'handTrans': (3,), 'handBeta': (10,), 'objTrans': (3,), 'objRot': (3, 1)}
    entries = {'handJoints3D': joints, **{name: np.zeros(shape) for name, shape in zeros.items()}}
    return shared | (entries if labelled else dict.fromkeys(entries))
