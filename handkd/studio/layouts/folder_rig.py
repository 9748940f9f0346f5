"""Writes rendered hands as recordings of a rig of two cameras, in handkd's plain form for a user's own data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..sample import split_number
from .folder import NAMES, joint_rows
from .frames import save_image
from .photograph import Camera, Photograph, photograph
from .rig import look_at

_SEQUENCES = {'train': ('first', 'second'), 'test': ('third',)}
"""One subject each."""
_SIZE = (128, 96)
_EYES = ((-260.0, -60.0, -420.0), (240.0, -90.0, -430.0))
"""Positions of the cameras, mm, in a world whose origin is the middle of the rig; y points down."""
_REACH = 40.0
"""Largest distance of a hand from the middle along each axis, mm."""
_UNLABELLED = 3
"""Every third frame has no labels, beginning with the third."""


def write_folder_rig(out: Path, num: int, seed: int) -> Iterator[dict]:
    """Write ``dataset.json``, ``train.jsonl``, ``test.jsonl`` and ``images/``: right hands, each seen by two cameras.

    The training set has two sequences, the test set one; each has a person, a light and a background of its own. Every
    third frame of the training set has no joints; all
    lines have a ``center``, as from a triangulated detection. Frame numbers are two apart.

    Args:
        out: Folder to write into.
        num: Frames of each sequence; each is two images.
        seed: Seed of the studio.

    Yields:
        The truth of one line; ``split`` is 'train' or 'test'. Besides the usual keys: ``sequence``, ``frame``,
        ``view``, ``subject``, ``labelled`` and ``hand_center`` (3,), mm, camera frame.

    Raises:
        OSError: If a file can't be written.
    """
    (out / 'dataset.json').write_text(json.dumps({'name': 'studio_rig', 'joint_names': NAMES}, indent=2) + '\n')
    cameras, subject = _cameras(), 0
    for split, sequences in _SEQUENCES.items():
        lines = []
        for number, sequence in enumerate(sequences):
            for time in range(num):
                where = dict(sequence=sequence, frame=2 * time, subject=subject)
                labelled = split != 'train' or time % _UNLABELLED != _UNLABELLED - 1
                photos = _take(split, subject, number * num, time, cameras, seed)
                for view, photo in enumerate(photos):
                    path = save_image(out, f'images/{sequence}/{2 * time:04d}_{view}.jpg', photo.image)
                    center = np.round(photo.keypoints_cam[9], 1)
                    lines.append(json.dumps(_line(photo, path, center, labelled) | where | {'camera': view}))
                    more = where | {'view': view, 'labelled': labelled, 'hand_center': center}
                    yield photo.truth(split, path) | more
            subject += 1
        (out / f'{split}.jsonl').write_text('\n'.join(lines) + '\n')


def _cameras() -> list[Camera]:
    """Return the rig: two cameras that look at the middle."""
    cameras = []
    for k, eye in enumerate(_EYES):
        rotation, translation = look_at(eye, (0, 0, 0), (0, 1, 0))
        matrix = np.array([[150.0 + k, 0, 64.5], [0, 150.5 + k, 47.0], [0, 0, 1]])
        cameras.append(Camera(matrix, _SIZE, rotation, np.round(translation, 3)))
    return cameras


def _take(split: str, subject: int, first: int, time: int, cameras: list[Camera], seed: int) -> list[Photograph]:
    """Photograph the hand of a frame; ``first`` is the number of the sequence's first hand in its split."""
    index = first + time
    center = np.random.default_rng((seed, split_number(split), index)).uniform(-_REACH, _REACH, 3)
    return photograph(index, seed, split, 'right', cameras, center, scenery=first, person=subject)


def _line(photo: Photograph, path: str, center: np.ndarray, labelled: bool) -> dict:
    """One view of a hand as a JSON object."""
    line = {'image': path, 'side': photo.hand_side, 'center': center.tolist()}
    if labelled:
        line['joints_3d'] = joint_rows(photo.keypoints_cam, np.ones(21, bool))
    return line | {key: np.round(value, 9).tolist() for key, value in photo.camera.items()}
