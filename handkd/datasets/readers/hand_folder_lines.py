"""Parser of the plain form of a user's own data: ``dataset.json`` and JSON lines, checked key by key."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from handkd.geometry.camera import check_camera
from handkd.hand import JOINTS, NUM_JOINTS, NUM_PARTS, PART_UNKNOWN, SIDES
from handkd.hints import check_keys, did_you_mean
from handkd.reading import leaves_folder, parse_json, read_json, shown
from handkd.units import FARTHEST, is_sane, wrong_unit

from .depth_files import check_depth_unit
from .hand_folder_rig import PLACE, check_place

FILES = ('image', 'depth', 'mask', 'parts')
"""Keys of a line that name files."""
_KEYS = (*FILES, 'joints_3d', 'joints_2d', 'visible', 'K', 'dist', 'R', 'T', 'side', 'box', 'center', 'id', *PLACE)
_SHAPES = {'K': (3, 3), 'dist': (5,), 'R': (3, 3), 'T': (3,), 'box': (4,), 'center': (3,)}
_OWN = 'x_'  # prefix of a user's own keys
NO_SUCH_PART = 254
"""Entry of :attr:`Description.parts` for values that ``dataset.json`` does not list."""


@dataclass(frozen=True)
class Description:
    """Content of ``dataset.json``.

    Attributes:
        name: Of the data set.
        joints: The lines' joints, as indices in handkd's order.
        depth_unit: Millimetres per count of the depth files.
        parts: Part number by value of the part files, shape (256,), uint8; 254 for values not listed. None if
            the values are handkd's.
    """

    name: str
    joints: tuple[int, ...] = tuple(range(NUM_JOINTS))
    depth_unit: float = 1.0
    parts: np.ndarray | None = None


def read_description(folder: Path) -> Description:
    """Read the ``dataset.json`` of a folder, if there is one.

    Raises:
        ValueError: If a key or value is wrong; names the file and the key.
    """
    path = folder / 'dataset.json'
    if not path.exists():
        return Description(_name_of(folder))
    said = _object(read_json(path), str(path))
    check_keys(
        [key for key in said if not key.startswith(_OWN)], ('name', 'joint_names', 'depth_unit_mm', 'parts'), str(path)
    )
    names, unit = said.get('joint_names', JOINTS), said.get('depth_unit_mm', 1.0)
    if not isinstance(names, (list, tuple)) or not names or len({str(name) for name in names}) < len(names):
        raise ValueError(f"{path}: 'joint_names' must be a list of different names, found {shown(names)}")
    for name in names:
        if name not in JOINTS:
            near = did_you_mean(shown(name), JOINTS)
            raise ValueError(f"{path}: 'joint_names': unknown joint {shown(name)}; {near}")
    check_depth_unit(unit, f"{path}: 'depth_unit_mm'")
    name = said.get('name', _name_of(folder))
    if not isinstance(name, str):
        raise ValueError(f"{path}: 'name' must be text, found {shown(name)}")
    joints = tuple(JOINTS.index(name) for name in names)
    return Description(name, joints, float(unit), _part_table(said['parts'], path) if 'parts' in said else None)


def _name_of(folder: Path) -> str:
    return os.path.basename(os.path.realpath(folder))


def _part_table(parts: object, path: Path) -> np.ndarray:
    """Return handkd's part by value, from {"value": part}."""
    table = np.full(256, NO_SUCH_PART, np.uint8)
    known = (*range(NUM_PARTS + 1), PART_UNKNOWN)
    if not isinstance(parts, dict):
        raise ValueError(f'{path}: \'parts\' must be an object such as {{"17": 3}}, found {shown(parts)}')
    for value, part in parts.items():
        number = int(value) if value.isdecimal() and len(value) < 4 else 256
        if number > 255 or type(part) is not int or part not in known:
            raise ValueError(
                f"{path}: 'parts' must map values 0 to 255 to handkd's parts 0 to {NUM_PARTS} or {PART_UNKNOWN}, "
                f'found {shown(value)}: {shown(part)}'
            )
        table[number] = part
    return table


def _object(said: object, where: str) -> dict:
    """Return a JSON value that must be an object, or raise a ValueError."""
    if not isinstance(said, dict):
        raise ValueError(f'{where}: expected a JSON object {{...}}, found {type(said).__name__}')
    return said


def parse_line(text: bytes, where: str) -> dict:
    """Parse a line's JSON object.

    Raises:
        ValueError: If it is not one; names the place.
    """
    return _object(parse_json(text, where), where)


def read_line(
    text: bytes, where: str, joints: Sequence[int], files: Sequence[str], allow_outside: bool = False
) -> dict:
    """Parse one line, and check all its keys.

    Args:
        text: The line.
        where: File and line number, for errors.
        joints: The joints of its lists, as indices in handkd's order.
        files: Keys of the required files.
        allow_outside: Whether paths of files may leave the data set's folder. Defaults to False.

    Returns:
        The line's keys. ``K``, ``dist``, ``R``, ``T``, ``box`` and ``center`` are arrays; ``joints_3d`` (21, 3), mm,
        ``joints_2d`` (21, 2), px, and ``visible`` (21,), too, in handkd's order, NaN (False) at joints without a label.
        Joints are absent if none has a label.

    Raises:
        ValueError: If a key is unknown or missing, or a value is wrong; names the line and the key, the expected
            and the found value.
    """
    line = parse_line(text, where)
    where = f'{where} (id {shown(line["id"])})' if 'id' in line else where
    check_keys([key for key in line if not key.startswith(_OWN)], _KEYS, where)
    _check_needed(line, where, files)
    if not allow_outside:
        _check_inside(line, where)
    for key, shape in _SHAPES.items():
        if key in line:
            line[key] = _array(line[key], shape, key, where)
    for key, width in (('joints_3d', 3), ('joints_2d', 2)):
        if key in line:
            line[key] = _joints(line[key], joints, width, key, where)
    _check_joints(line, where)
    for key in ('joints_3d', 'joints_2d'):
        if key in line and np.isnan(line[key]).all():
            del line[key]
    if 'visible' in line:
        flags = _array(line['visible'], (len(joints),), 'visible', where)
        if not np.isin(flags, (0, 1)).all():
            raise ValueError(f"{where}: 'visible' must be 0 or 1 for each joint, found {shown(line['visible'])}")
        line['visible'] = _spread(flags > 0, joints, False)
    check_camera({key: line[key] for key in ('K', 'R', 'T', 'dist') if key in line}, where)
    if 'box' in line and not (line['box'][:2] < line['box'][2:]).all():
        raise ValueError(f"{where}: 'box' must be x1 y1 x2 y2 with x1 < x2 and y1 < y2, found {line['box'].tolist()}")
    if 'center' in line and line['center'][2] <= 0:
        raise ValueError(f"{where}: 'center' must be in front of the camera, z > 0, found {line['center'].tolist()}")
    check_place(line, where)
    return line


def _check_needed(line: dict, where: str, files: Sequence[str]) -> None:
    """Check the side, the files, and keys that need others; joints that are null count as absent."""
    if line.get('side') not in SIDES:
        raise ValueError(f"{where}: 'side' must be one of {SIDES}, found {shown(line.get('side', 'nothing'))}")
    for key in FILES:
        if key in line and (not isinstance(line[key], str) or not line[key]):
            raise ValueError(f"{where}: {key!r} must be a file's path, found {shown(line[key])}")
    if 'image' not in line and 'depth' not in line:
        raise ValueError(f"{where}: 'image' or 'depth' is needed, found neither")
    for key in files:
        if key not in line:
            raise ValueError(f'{where}: {key!r} is needed for the requested modalities, found nothing')
    for key in ('joints_3d', 'joints_2d'):
        if key in line and line[key] is None:
            del line[key]
    for key, other in (('joints_3d', 'K'), ('center', 'K'), ('dist', 'K'), ('R', 'T'), ('T', 'R'), ('R', 'K')):
        if key in line and other not in line:
            raise ValueError(f'{where}: {key!r} needs {other!r} in the same line, found nothing')


def _check_inside(line: dict, where: str) -> None:
    """Refuse paths that leave the folder of the data set: a line from someone else could name any file."""
    for key in FILES:
        if leaves_folder(line.get(key, '')):
            raise ValueError(
                f'{where}: {key!r} must be inside the folder of the data set, found {shown(line[key])}: if you trust '
                "the file's author, set allow_outside=True of the data set"
            )


def _array(value: object, shape: tuple[int, ...], key: str, where: str) -> np.ndarray:
    """Return nested lists of sane numbers as an array of the shape."""
    try:
        array = np.array(value)
    except (ValueError, OverflowError):  # lists of different lengths
        array = np.array(None)
    if array.shape != shape or array.dtype.kind not in 'iuf' or not is_sane(array).all():
        found = f'shape {array.shape}' if array.shape != shape and array.ndim else shown(value)
        size = ' x '.join(map(str, shape))
        raise ValueError(f'{where}: {key!r} must be {size} numbers up to {FARTHEST:g}, found {found}')
    return array.astype(np.float64)


def _joints(value: object, joints: Sequence[int], width: int, key: str, where: str) -> np.ndarray:
    """Return the joints' coordinates in handkd's order, shape (21, width); NaN without a label."""
    labelled = [row is not None for row in value] if isinstance(value, list) else []
    rows = [[0] * width if row is None else row for row in value] if labelled else value
    array = _array(rows, (len(joints), width), key, where)
    array[~np.array(labelled)] = np.nan
    return _spread(array, joints, np.nan)


def _spread(values: np.ndarray, joints: Sequence[int], nothing: float) -> np.ndarray:
    """Put the values of some joints into an array of all 21."""
    full = np.full((NUM_JOINTS, *values.shape[1:]), nothing, values.dtype)
    full[list(joints)] = values
    return full


def _check_joints(line: dict, where: str) -> None:
    """Check that joints are in front of the camera, in mm, and that none is labelled in 2D alone."""
    if 'joints_3d' not in line:
        return
    behind = np.flatnonzero(line['joints_3d'][:, 2] <= 0)
    if behind.size:
        joint = behind[0]
        raise ValueError(
            f"{where}: 'joints_3d': {JOINTS[joint]} must be in front of the camera, z > 0 (x right, y down, z "
            f'forward), found {line["joints_3d"][joint].tolist()}'
        )
    wrong = wrong_unit(line['joints_3d'])
    if wrong is not None:
        raise ValueError(f"{where}: 'joints_3d': {wrong}")
    if 'joints_2d' in line:
        alone = np.flatnonzero(np.isnan(line['joints_3d'][:, 0]) & ~np.isnan(line['joints_2d'][:, 0]))
        if alone.size:
            raise ValueError(
                f"{where}: {JOINTS[alone[0]]} has a label in 'joints_2d' and null in 'joints_3d'; write null in both, "
                "or leave 'joints_3d' out of this line"
            )
