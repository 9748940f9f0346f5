"""Writes rendered hands in handkd's plain form for a user's own data: JSON lines and images."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from handkd.hand import JOINTS, SIDES

from ..sample import split_number
from .frames import save_image
from .photograph import Camera, Photograph, photograph

_SPLITS = ('train', 'val', 'test')
_UNIT = 0.25
"""Millimetres per count of the depth images."""
NAMES = (*JOINTS[1:], 'wrist')
"""Order of the joints in the lines; not handkd's, so that a reader must use the names."""
_ROWS = [JOINTS.index(name) for name in NAMES]
_CAMERA = Camera(
    np.array([[611.5, 0, 322.25], [0, 608.0, 236.5], [0, 0, 1]]),
    (640, 480),
    cv2.Rodrigues(np.array([0.02, -0.3, 0.01]))[0],
    np.array([120.0, -35.0, 60.0]),
    np.array([0.09, -0.17, -0.003, 0.002, 0.01]),
)
_REACH = ((-110.0, -70.0, 400.0), (110.0, 70.0, 650.0))
"""Corners of the box (mm, camera frame) of hand positions."""


def write_folder(out: Path, num: int, seed: int) -> Iterator[dict]:
    """Write ``dataset.json``, ``train.jsonl``, ``val.jsonl``, ``test.jsonl`` and ``images/``: hands of both sides.

    Every fourth line has no label for the little finger's tip, and contains 2D joints instead of relying on their
    projection.

    Args:
        out: Folder to write into.
        num: Lines in each split.
        seed: Seed of the studio.

    Yields:
        The truth of one line; ``split`` is 'train', 'val' or 'test'. Besides the usual keys: ``keypoints_valid`` (21,)
        bool, False for the joint without a label.

    Raises:
        OSError: If a file can't be written.
    """
    about = {'name': 'studio_folder', 'joint_names': NAMES, 'depth_unit_mm': _UNIT}
    (out / 'dataset.json').write_text(json.dumps(about, indent=2) + '\n')
    for split in _SPLITS:
        lines = []
        for index in range(num):
            center = np.random.default_rng((seed, split_number(split), index)).uniform(*_REACH)
            world = _CAMERA.R.T @ (center - _CAMERA.T)
            photo = photograph(index, seed, split, SIDES[index % 2], [_CAMERA], world)[0]
            paths = _save(out, split, index, photo)
            valid = np.ones(21, bool)
            valid[JOINTS.index('little_tip')] = index % 4 != 3
            lines.append(json.dumps(_line(photo, paths, valid) | {'id': f'{split}-{index}'}))
            truth = photo.truth(split, paths['image'], paths['depth'], paths['mask'])
            yield truth | {'keypoints_valid': valid}
        (out / f'{split}.jsonl').write_text('\n'.join(lines) + '\n')


def _save(out: Path, split: str, index: int, photo: Photograph) -> dict[str, str]:
    """Write a line's images and return their paths."""
    images = {
        'image': photo.image,
        'depth': np.round(photo.depth / _UNIT).astype(np.uint16),
        'mask': (photo.part_seg > 0).astype(np.uint8) * 255,
        'parts': photo.part_seg,
    }
    return {kind: save_image(out, f'images/{split}/{index:06d}_{kind}.png', image) for kind, image in images.items()}


def _line(photo: Photograph, paths: dict[str, str], valid: np.ndarray) -> dict:
    """One hand as a JSON object."""
    line = {**paths, 'joints_3d': joint_rows(photo.keypoints_cam, valid), 'side': photo.hand_side}
    if not valid.all():
        line['joints_2d'] = joint_rows(photo.keypoints, valid)
    return line | {key: value.tolist() for key, value in photo.camera.items()}


def joint_rows(values: np.ndarray, valid: np.ndarray) -> list:
    """Return joints in the order of :data:`NAMES`, three decimals, None without a label.

    Args:
        values: Joints in handkd's order, shape (21, 2) or (21, 3), any unit and frame.
        valid: Which have a label, shape (21,), bool.
    """
    return [np.round(values[j], 3).tolist() if valid[j] else None for j in _ROWS]
