"""Reader of joints in plain files of any origin: npz, npy, JSON or rows of text, as pixels and depth or as points."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from handkd.array_files import read_npy, read_npz
from handkd.geometry import unproject
from handkd.hints import did_you_mean, one_line
from handkd.reading import read_json, read_text, reading, shown
from handkd.units import unit_scale

from .protocols import PIXELS

CAMERAS: dict[str, tuple[float, float, float, float]] = {
    'nyu': (588.03, -587.07, 320.0, 240.0),
    'icvl': (240.99, 240.96, 160.0, 120.0),
}
"""fx, fy, u0, v0 in px of the cameras of data sets whose joints are stored as rows of u v d; values of the evaluation
in awesome-hand-pose-estimation. NYU's points have y up, hence the sign."""

JOINT_KEYS = ('joints', 'xyz', 'uvd', 'keypoints_cam', 'pred', 'target')
"""Keys of joints in an npz or JSON file."""

_LABELLED = ('valid', 'keypoints_valid')
_VISIBLE = ('visible', 'keypoints_visible')


@dataclass(frozen=True)
class JointFile:
    """The joints in one file.

    Attributes:
        path: The file.
        joints: Shape (N, K, 3), float64, mm in the camera's frame.
        labelled: Which joints have a label, shape (N, K), bool. Defaults to None: not in the file.
        visible: Which joints are visible, shape (N, K), bool. Defaults to None: not in the file.
        frames: Name of each row. Defaults to None: the rows have no names.
        protocol: Name of the protocol by which the joints were aligned when the file was written. Defaults to None: the
            joints are as predicted.
        unit: Unit in which the file was read, of :data:`handkd.units.UNITS`. Defaults to 'mm'.
        img_ids: Id of each frame's image, shape (N,), int. Defaults to None: not in the file.
        hand_type: Type of the hands in each image, as in
            :func:`~handkd.evaluation.functional.hand_type_means`, shape (N,). Defaults to None: not in the file.
        hand_side: Side of each hand, 'left' or 'right', shape (N,). Defaults to None: not in the file.
    """

    path: Path
    joints: np.ndarray
    labelled: np.ndarray | None = None
    visible: np.ndarray | None = None
    frames: tuple[str, ...] | None = None
    protocol: str | None = None
    unit: str = 'mm'
    img_ids: np.ndarray | None = None
    hand_type: np.ndarray | None = None
    hand_side: np.ndarray | None = None


def parse_camera(text: str) -> tuple[float, float, float, float]:
    """Return fx, fy, u0, v0 (px) of a camera of :data:`CAMERAS`, or of 'fx,fy,u0,v0'.

    Raises:
        ValueError: If it is neither.
    """
    if text in CAMERAS:
        return CAMERAS[text]
    try:
        fx, fy, u0, v0 = map(float, text.split(','))
    except ValueError:
        raise ValueError(
            f'no camera named {text!r} (fx,fy,u0,v0 in px works, too); {did_you_mean(text, CAMERAS)}'
        ) from None
    if not (np.isfinite([fx, fy, u0, v0]).all() and fx and fy):
        raise ValueError(f'camera {text!r}: the focal lengths must not be 0, and all four numbers finite')
    return fx, fy, u0, v0


def read_joints(
    path: str | Path,
    role: str = 'pred',
    camera: tuple[float, float, float, float] | None = None,
    unit: str = 'mm',
) -> JointFile:
    """Read the joints of all frames.

    - ``.npz``: one array (N, K, 3) under a key of :data:`JOINT_KEYS` or as the only one, and optionally ``valid`` and
      ``visible`` (N, K), ``img_ids``, ``hand_type`` and ``hand_side`` (N,); or a dump of ``HandKeypointMetric``.
      ``.npy``: the array.
    - ``.json``: the same as nested lists, alone or in an object with those keys.
    - any other suffix: one row per frame, K times three numbers separated by blanks, tabs, commas or semicolons; a row
      may begin with a name. Text and JSON may begin with a byte-order mark, also of UTF-16.

    Args:
        path: The file.
        role: Which joints to take from a file that holds both: 'pred' or 'target'. Defaults to 'pred'.
        camera: fx, fy, u0, v0 in px of the camera for files of u px, v px and depth d; None for files of x y z.
            Defaults to None.
        unit: Unit of x y z, or of d: 'mm', 'cm' or 'm'. Defaults to 'mm'.

    Returns:
        The joints, in mm in the camera's frame.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, holds pickled objects or is otherwise not as above; names it and what was found.
    """
    path, scale = Path(path), unit_scale(unit)
    if not path.is_file():
        raise FileNotFoundError(f'{path}: no such file of joints')
    frames = None
    if path.suffix == '.npz':
        content = read_npz(path)
    elif path.suffix == '.npy':
        content = {'joints': read_npy(path)}
    elif path.suffix == '.json':
        content = _read_json(path)
    else:
        frames, rows = _read_rows(path)
        content = {'joints': rows}
    key = _joint_key(path, content, role)
    if key == 'uvd' and camera is None:
        raise ValueError(f"{path}: holds 'uvd', pixels and depth: read it with --format uvd and its camera")
    protocol = str(content['protocol']) if {'pred', 'target', 'protocol'} <= set(content) else None
    if protocol is not None and protocol.startswith(PIXELS):
        raise ValueError(f'{path}: holds 2D joints in px ({protocol}), expected joints in space')
    if camera is not None and (key in ('xyz', 'keypoints_cam') or protocol is not None):
        raise ValueError(f'{path}: holds {key!r}, points in mm instead of pixels: read it with --format xyz')
    if protocol is not None and unit != 'mm':
        raise ValueError(f'{path}: was dumped by a metric, in mm, and cannot be read in {unit}: leave --unit out')
    joints = _joint_array(path, key, content[key])
    if camera is not None:
        fx, fy, u0, v0 = camera
        matrix = np.array([[fx, 0, u0], [0, fy, v0], [0, 0, 1]])
        joints = unproject(joints[..., :2], joints[..., 2], {'K': matrix})
    labelled, visible = (_mask(path, content, names, joints) for names in (_LABELLED, _VISIBLE))
    columns = {key: _column(path, content, key, joints) for key in ('img_ids', 'hand_type', 'hand_side')}
    return JointFile(path, joints * scale, labelled, visible, frames, protocol, unit, **columns)


def _read_json(path: Path) -> dict[str, object]:
    content = read_json(path, constants=True)  # a joint without a label is often NaN
    return content if isinstance(content, dict) else {'joints': content}


def _read_rows(path: Path) -> tuple[tuple[str, ...] | None, np.ndarray]:
    """Read rows of numbers, each with or without a name in front."""
    lines = read_text(path).splitlines()
    rows: list[np.ndarray] = []
    names: list[str] = []
    for number, line in enumerate(lines, start=1):
        words = line.replace(',', ' ').replace(';', ' ').split()
        if not words or words[0].startswith('#'):
            continue
        if not _is_number(words[0]):
            names.append(words.pop(0))
        try:
            row = np.array(words, np.float64)
        except ValueError as error:
            raise ValueError(f'{path}, line {number}: not numbers, at most with one name in front ({error})') from error
        if not row.size or row.size % 3 or (rows and row.size != rows[0].size):
            wanted = f'{rows[0].size} as in the rows above' if rows else 'three per joint'
            raise ValueError(f'{path}, line {number}: found {row.size} numbers, expected {wanted}')
        rows.append(row)
    if not rows:
        raise ValueError(f'{path}: holds no row of numbers')
    if names and len(names) != len(rows):
        raise ValueError(f'{path}: {len(names)} of {len(rows)} rows have a name in front; expected all or none')
    return tuple(names) or None, np.stack(rows)


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _joint_key(path: Path, content: dict, role: str) -> str:
    keys = [key for key in JOINT_KEYS if key in content]
    if role in keys:
        return role
    if len(keys) == 1 or (not keys and len(content) == 1):
        return (keys or list(content))[0]
    found = f'several of them: {keys}' if keys else f'{sorted(content)[:10]}'
    raise ValueError(f'{path}: expected joints under one of {JOINT_KEYS}, found {found}')


def _first_fault(frames: object) -> str | None:
    """Describe the first frame or joint that keeps nested lists from being an array (N, K, 3); None if none does."""
    try:
        for i, frame in enumerate(frames if isinstance(frames, list) else ()):
            if len(frame) != len(frames[0]):
                return f'frame {i} has {len(frame)} joints, frame 0 has {len(frames[0])}'
            for j, joint in enumerate(frame):
                if not isinstance(joint, list) or np.shape(np.asarray(joint, np.float64)) != (3,):
                    return f'frame {i}, joint {j} (from 0) is {shown(joint)}'
    except (TypeError, ValueError, OverflowError):
        return f'frame {i} is {shown(frame)}'
    return None


def _joint_array(path: Path, key: str, values: object) -> np.ndarray:
    try:
        array = np.asarray(values, np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        fault = _first_fault(values) or one_line(error)
        raise ValueError(f'{path}: {key!r} is not an array of numbers: {fault}') from error
    if array.ndim == 2 and array.shape[1] % 3 == 0:
        array = array.reshape(len(array), -1, 3)
    if array.ndim != 3 or array.shape[2] != 3 or not array.size:
        raise ValueError(f'{path}: {key!r} must be (frames, joints, 3) or (frames, 3 * joints), found {array.shape}')
    return array


def _mask(path: Path, content: dict, names: tuple[str, ...], joints: np.ndarray) -> np.ndarray | None:
    key = next((name for name in names if name in content), None)
    if key is None:
        return None
    with reading(path, f'has no array {key!r}'):  # lists of different lengths
        mask = np.asarray(content[key])
    if mask.shape != joints.shape[:2] or mask.dtype.kind not in 'biuf':
        raise ValueError(f'{path}: {key!r} must be {joints.shape[:2]}, as the joints are, found {mask.shape}')
    return mask > 0


def _column(path: Path, content: dict, key: str, joints: np.ndarray) -> np.ndarray | None:
    """Return an array with one entry per frame: a word, or for ids an integer; None if the file has none."""
    if key not in content:
        return None
    kinds = 'iu' if key == 'img_ids' else 'U'
    with reading(path, f'has no array {key!r}'):
        column = np.asarray(content[key])
    if column.shape != joints.shape[:1] or column.dtype.kind not in kinds:
        wanted = 'integers' if key == 'img_ids' else 'words'
        raise ValueError(
            f'{path}: {key!r} must be {len(joints)} {wanted}, one per frame, found {column.shape} {column.dtype}'
        )
    return column
