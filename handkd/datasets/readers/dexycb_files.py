"""Files of DexYCB: the splits of its setups, sequences' descriptions, and calibrations."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from handkd.geometry.camera import check_camera
from handkd.hand import SIDES
from handkd.hints import check_choice
from handkd.reading import check_name, shown

from .yaml_files import read_yaml, yaml_numbers

SUBJECTS: tuple[str, ...] = (
    '20200709-subject-01',
    '20200813-subject-02',
    '20200820-subject-03',
    '20200903-subject-04',
    '20200908-subject-05',
    '20200918-subject-06',
    '20200928-subject-07',
    '20201002-subject-08',
    '20201015-subject-09',
    '20201022-subject-10',
)
"""Folders of the subjects 1 to 10."""

SERIALS: tuple[str, ...] = (
    '836212060125',
    '839512060362',
    '840412060917',
    '841412060263',
    '932122060857',
    '932122060861',
    '932122061900',
    '932122062010',
)
"""Serial numbers of the cameras, in the owners' order; a camera's number is its place here."""

SEQUENCES = 100
"""Number of sequences of each subject; the place of a sequence among them decides its split."""
SETUPS: tuple[str, ...] = ('s0', 's1', 's2', 's3')
"""The owners' splits: by sequence, and with unseen subjects, cameras and objects."""
SPLITS: tuple[str, ...] = ('train', 'val', 'test')
EXTRINSICS: tuple[str, ...] = ('camera_to_master', 'master_to_camera')
"""Directions in which the transformations of an extrinsics file may be read."""

_MM = 1000.0
_NAME = re.compile(r'[0-9]{8}_[0-9]{6}')
_OBJECTS_OUT = {'val': (3, 19), 'test': (7, 11, 15)}  # blocks of five sequences with one grasped object
_MAX_FRAMES = 100_000


class Selection(NamedTuple):
    """Part of a subject's recordings: places of sequences, 0 to 99, and numbers of cameras, 0 to 7."""

    sequences: tuple[int, ...]
    cameras: tuple[int, ...]


def select(setup: str, split: str, subject: int) -> Selection:
    """Return the part of a subject's recordings that is in a split.

    Args:
        setup: One of :data:`SETUPS`.
        split: One of :data:`SPLITS`.
        subject: Number of the subject, 1 to 10.
    """
    places, cameras, used = range(SEQUENCES), range(len(SERIALS)), True
    if setup == 's0':
        used = split == 'train' or (subject <= 2) == (split == 'val')
        places = [i for i in places if (i % 5 != 4) == (split == 'train')]
    elif setup == 's1':
        used = subject in {'train': (1, 2, 3, 4, 5, 6, 10), 'val': (7,), 'test': (8, 9)}[split]
    elif setup == 's2':
        cameras = {'train': cameras[:6], 'val': cameras[6:7], 'test': cameras[7:]}[split]
    elif split == 'train':
        places = [i for i in places if all(i // 5 not in blocks for blocks in _OBJECTS_OUT.values())]
    else:
        places = [i for i in places if i // 5 in _OBJECTS_OUT[split]]
    return Selection(tuple(places) if used else (), tuple(cameras))


def list_sequences(folder: Path) -> list[str]:
    """Return the names of a subject's sequences, in order."""
    return sorted(path.name for path in folder.iterdir() if _NAME.fullmatch(path.name) and path.is_dir())


class Meta(NamedTuple):
    """Description of a sequence.

    Attributes:
        frames: Number of frames of each camera.
        side: Side of the hand.
        extrinsics: Name of the calibration of the rig.
    """

    frames: int
    side: str
    extrinsics: str


def read_meta(path: Path) -> Meta:
    """Read ``meta.yml`` of a sequence.

    Raises:
        OSError: If it is missing.
        ValueError: If a key is missing or wrong; names file and key.
    """
    content, where = read_yaml(path), repr(str(path))
    frames, sides, extrinsics = (content.get(key) for key in ('num_frames', 'mano_sides', 'extrinsics'))
    if not isinstance(frames, str) or not frames.isascii() or not frames.isdigit() or int(frames[:9]) > _MAX_FRAMES:
        raise ValueError(f"{where}: 'num_frames' must be a whole number up to {_MAX_FRAMES}, found {shown(frames)}")
    if not isinstance(sides, list) or len(sides) != 1 or sides[0] not in SIDES:
        raise ValueError(f"{where}: 'mano_sides' must be ['left'] or ['right'], found {shown(sides)}")
    if not isinstance(extrinsics, str):
        raise ValueError(f"{where}: 'extrinsics' must be the name of a calibration, found {shown(extrinsics)}")
    check_name(extrinsics, f"{where}: 'extrinsics'")
    return Meta(int(frames), sides[0], extrinsics)


def intrinsics_file(camera: int) -> str:
    """Return the file of a camera's intrinsics, below the root."""
    return f'calibration/intrinsics/{SERIALS[camera]}_640x480.yml'


def extrinsics_file(name: str) -> str:
    """Return the file of a rig's poses, below the root."""
    return f'calibration/extrinsics_{name}/extrinsics.yml'


def read_intrinsics(path: Path) -> np.ndarray:
    """Read the colour camera's intrinsics.

    Its distortion (``coeffs``) is not read: it is 0, and the owners project without it.

    Returns:
        K, shape (3, 3), px.

    Raises:
        OSError: If the file is missing.
        ValueError: If a number is missing or wrong; names file and key.
    """
    color, where = read_yaml(path).get('color'), f"{str(path)!r}: 'color'"
    if not isinstance(color, dict):
        raise ValueError(f'{where} must be a mapping with fx, fy, ppx and ppy, found {shown(color)}')
    keys = ('fx', 'fy', 'ppx', 'ppy')
    fx, fy, cx, cy = yaml_numbers([color.get(key) for key in keys], 4, f'{where} ({", ".join(keys)})')
    matrix = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
    check_camera(dict(K=matrix), where)
    return matrix


def read_extrinsics(path: Path, cameras: Sequence[int], direction: str) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Read the poses of cameras.

    Args:
        path: The file: for each serial number 12 numbers, the rows of a (3, 4) matrix, in metres.
        cameras: Numbers of the cameras.
        direction: One of :data:`EXTRINSICS`: the matrices' direction. The owners' are camera to master.

    Returns:
        Camera -> R (3, 3) and T (3,), mm, from the master camera's frame to the camera's.

    Raises:
        OSError: If the file is missing.
        ValueError: If a camera is missing, or its matrix is wrong; names file and key.
    """
    check_choice(direction, EXTRINSICS, 'DexYCBDataset(extrinsics=...)')
    poses, where = read_yaml(path).get('extrinsics'), f"{str(path)!r}: 'extrinsics'"
    if not isinstance(poses, dict):
        raise ValueError(f'{where} must be a mapping of serial numbers, found {shown(poses)}')
    found = {}
    for camera in cameras:
        numbers = yaml_numbers(poses.get(SERIALS[camera]), 12, f'{where}, {SERIALS[camera]!r}')
        matrix = np.array(numbers).reshape(3, 4)
        rotation, translation = matrix[:, :3], matrix[:, 3] * _MM
        check_camera(dict(R=rotation, T=translation), f'{where}, {SERIALS[camera]!r}')
        if direction == 'camera_to_master':
            rotation, translation = rotation.T, -rotation.T @ translation
        found[camera] = rotation, translation
    return found
