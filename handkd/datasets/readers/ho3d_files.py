"""Files of HO-3D: lists of frames, labels of a frame, published truth and calibrations."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from handkd.geometry.camera import check_camera
from handkd.hand import FINGERS, JOINTS, NUM_JOINTS, finger_joints
from handkd.reading import read_json, read_text, shown
from handkd.units import FARTHEST, is_sane

from .unpickling import load_arrays

_SHORT = slice(0, 3)  # of a finger: base, middle and last joint
HO3D_JOINTS: tuple[str, ...] = (
    'wrist',
    *(JOINTS[j] for finger in ('index', 'middle', 'little', 'ring', 'thumb') for j in finger_joints(finger)[_SHORT]),
    *(JOINTS[finger_joints(finger)[3]] for finger in FINGERS),
)
"""The joints in the files' order, MANO's: fingers without tips, then the tips from thumb to little finger."""

ORDERS: dict[str, list[int]] = {
    'mano': [HO3D_JOINTS.index(name) for name in JOINTS],
    'handkd': list(range(NUM_JOINTS)),
}
"""Order of the joints in a file -> place there of each of handkd's joints."""

VIEWS = 5
"""Largest number of cameras of a recording."""
EXTRINSICS: tuple[str, ...] = ('camera_to_world', 'world_to_camera')
"""Directions in which the transformations of a calibration may be read."""

_MM = 1000.0
_TO_CV = np.array([1.0, -1.0, -1.0])  # OpenGL's camera looks along -z, and its y points up
_LINE = re.compile(r'([A-Za-z0-9_]{1,80})/([0-9]{1,9})')


def read_list(path: Path) -> list[tuple[str, str]]:
    """Read the list of a split's frames.

    Returns:
        Sequence and frame of each line, as written, in the file's order.

    Raises:
        OSError: If the file is missing.
        ValueError: If a line is not 'SEQUENCE/FRAME', or occurs twice; names file and line.
    """
    found: dict[tuple[str, str], int] = {}
    for number, line in enumerate(read_text(path).splitlines(), 1):
        match = _LINE.fullmatch(line.strip())
        if not line.strip():
            continue
        if match is None:
            raise ValueError(
                f"{str(path)!r}:{number}: expected SEQUENCE/FRAME such as 'ABF10/0000', found {line[:80]!r}"
            )
        if found.setdefault((match[1], match[2]), number) != number:
            raise ValueError(f'{str(path)!r}:{number}: {line.strip()!r} is in line {found[match[1], match[2]]} too')
    if not found:
        raise ValueError(f'{str(path)!r} lists no frame')
    return list(found)


def read_meta(files: Sequence[str], evaluation: bool, row: int) -> dict[str, np.ndarray]:
    """Read the labels of a frame from its pickle.

    Args:
        files: Paths of the N frames.
        evaluation: Whether they are of the evaluation split, where only the wrist and a box are labelled.
        row: Which of them.

    Returns:
        ``labelled`` (), bool; ``joints`` (21, 3), mm, camera frame, in handkd's order, of which evaluation files have
        the first; ``K`` (3, 3), px; and ``bbox`` (4,), px, corners, 0 in training files.

    Raises:
        OSError: If the file is missing.
        ValueError: If it is no pickle of plain data, or a label is wrong; names the file and the key.
    """
    path = files[row]
    content = load_arrays(path)
    if not isinstance(content, dict):
        raise ValueError(f'{path!r} must hold a dict of labels, found {type(content).__name__}')
    joints, matrix = (_take(content, key, path) for key in ('handJoints3D', 'camMat'))
    box = _take(content, 'handBoundingBox', path) if evaluation else np.zeros(4)
    found = dict(joints=np.zeros((NUM_JOINTS, 3), np.float32), K=np.eye(3), bbox=np.zeros(4, np.float32))
    if joints is None or matrix is None or box is None:
        return dict(found, labelled=np.array(False))
    expected = (3,) if evaluation else (NUM_JOINTS, 3)
    if joints.size == 3 and evaluation:
        joints = joints.reshape(3)
    for key, value, shape in (
        ('handJoints3D', joints, expected),
        ('camMat', matrix, (3, 3)),
        ('handBoundingBox', box, (4,)),
    ):
        if value.shape != shape or not is_sane(value).all():
            raise ValueError(
                f'{path!r}: {key!r} must be finite numbers of shape {shape}, found shape {value.shape}, '
                f'{shown(value.ravel()[:3].tolist())}'
            )
    check_camera(dict(K=matrix), f"{path!r}: 'camMat'")
    rows = joints[None] if evaluation else joints[ORDERS['mano']]
    found['joints'][: len(rows)] = to_camera(rows, f"{path!r}: 'handJoints3D'")
    return dict(found, K=matrix, bbox=box.astype(np.float32), labelled=np.array(True))


def to_camera(joints: np.ndarray, where: str) -> np.ndarray:
    """Convert joints (..., 3) from metres in OpenGL's camera frame to mm in the camera frame with z forward.

    Raises:
        ValueError: If one lies behind the camera: it is not in OpenGL's frame; names the place.
    """
    points = joints * _TO_CV * _MM
    if not (points[..., 2] > 0).all():
        raise ValueError(
            f"{where} must be in OpenGL's frame, with z below 0, found {shown(joints.reshape(-1, 3)[0].tolist())}"
        )
    return points


def _take(content: dict, key: str, path: str) -> np.ndarray | None:
    """Return the numbers at a key; None if the entry is None."""
    if key not in content:
        raise ValueError(f'{path!r} has no {key!r}, found {shown(sorted(map(str, content)))}')
    value = content[key]
    if value is None:
        return None
    try:
        array = np.asarray(value, np.float64) if isinstance(value, (np.ndarray, list, tuple)) else None
    except (TypeError, ValueError):
        array = None
    if array is None:
        raise ValueError(f'{path!r}: {key!r} must be an array of numbers or None, found {shown(value)}')
    return array


def read_truth(path: Path, count: int, order: str) -> np.ndarray:
    """Read the published joints of the evaluation split.

    Args:
        path: The JSON file: a list with 21 points for each line of ``evaluation.txt``, metres, OpenGL's frame.
        count: Number of those lines.
        order: One of :data:`ORDERS`: the order of the joints.

    Returns:
        Shape (N, 21, 3), mm, camera frame, in handkd's order.

    Raises:
        OSError: If the file is missing.
        ValueError: If it has another form; names the file.
    """
    content = read_json(path)
    try:
        joints = np.array(content, np.float64)
    except (TypeError, ValueError):
        joints = np.zeros(0)
    if joints.shape != (count, NUM_JOINTS, 3):
        found = f'{len(content)} entries' if isinstance(content, list) else type(content).__name__
        raise ValueError(
            f'{str(path)!r} must hold {count} lists of {NUM_JOINTS} points, one for each line of evaluation.txt, found '
            f'{found if joints.shape == (0,) else joints.shape}'
        )
    if not is_sane(joints).all():
        raise ValueError(f'{str(path)!r} must hold finite numbers up to {FARTHEST:g}')
    return to_camera(joints, repr(str(path)))[:, ORDERS[order]]


def calibration_folder(sequence: str) -> str:
    """Return the folder with the calibration of a sequence's recording, below the root; single cameras have none."""
    return f'calibration/{sequence[:-1]}/calibration'


def read_pose(folder: Path, view: int, direction: str) -> tuple[np.ndarray, np.ndarray]:
    """Read the pose of one of the cameras of a recording.

    Args:
        folder: With ``cam_orders.txt``, the cameras' numbers, and ``trans_0.txt``, ..., a (4, 4) matrix in metres for
            each, in that order.
        view: Number of the camera, the last digit of a sequence's name.
        direction: One of :data:`EXTRINSICS`: the matrices' direction. The owners' code uses them as camera to world.

    Returns:
        R (3, 3) and T (3,), mm, world to camera.

    Raises:
        OSError: If a file is missing.
        ValueError: If the camera is missing, or the matrix wrong; names the file.
    """
    order = _read_numbers(folder / 'cam_orders.txt')
    if view not in order:
        raise ValueError(f'{str(folder / "cam_orders.txt")!r} must list camera {view}, found {shown(order.tolist())}')
    path = folder / f'trans_{order.tolist().index(view)}.txt'
    matrix = _read_numbers(path)
    if matrix.size != 16:
        raise ValueError(f'{str(path)!r} must hold 16 numbers, found {matrix.size}')
    rotation, translation = matrix.reshape(4, 4)[:3, :3], matrix.reshape(4, 4)[:3, 3] * _MM
    check_camera(dict(R=rotation, T=translation), repr(str(path)))
    if direction == 'camera_to_world':
        rotation, translation = rotation.T, -rotation.T @ translation
    return rotation, translation


def _read_numbers(path: str | os.PathLike) -> np.ndarray:
    """Read the numbers (N,) of a small text file."""
    text = read_text(path)
    try:
        return np.array(text.replace(',', ' ').split(), np.float64)
    except ValueError:
        raise ValueError(f'{os.fspath(path)!r} must hold numbers, found {text[:40]!r}') from None
