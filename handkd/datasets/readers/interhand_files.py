"""Annotation files of InterHand2.6M: JSON of gigabytes, read entry by entry into arrays."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np

from handkd.geometry.camera import check_camera
from handkd.hand import FINGERS, JOINTS, NUM_JOINTS, finger_joints
from handkd.reading import check_name, read_json, shown
from handkd.units import is_sane

from .json_entries import place, read_entries

INTERHAND_JOINTS: tuple[str, ...] = (
    *(JOINTS[joint] for finger in FINGERS for joint in reversed(finger_joints(finger))),
    'wrist',
)
"""A hand's joints in the files' order: each finger from tip to palm, then the wrist."""

HAND_TYPES: tuple[str, ...] = ('left', 'right', 'interacting')
"""Hands in an image; the first two are in the order of :data:`handkd.hand.SIDES`."""

KINDS: tuple[str, ...] = ('data', 'camera', 'joint_3d')
"""Kinds of annotation files."""

_BOTH = 2 * NUM_JOINTS
_ROWS = np.array([INTERHAND_JOINTS.index(name) for name in JOINTS])
_PLACES = np.stack([_ROWS + NUM_JOINTS, _ROWS])
"""Place in the files of each joint of the left and of the right hand, shape (2, 21): there the right one is first."""
_NAMES = [f'{side} {name}' for side in ('right', 'left') for name in INTERHAND_JOINTS]
_LONGEST = 250
"""Maximum length of a file's or folder's name, as in file systems."""
_FAULTS = 1000
"""Number of damaged entries after which a file is taken for another one."""


class _Faults:
    """Errors of single entries, which may be skipped."""

    def __init__(self) -> None:
        self._errors: list[str] = []

    def add(self, error: ValueError) -> None:
        """Keep an error, or raise it if there are too many."""
        if len(self._errors) >= _FAULTS:
            raise ValueError(f'{error}; more than {_FAULTS} entries are damaged, the first: {self._errors[0]}')
        self._errors.append(str(error))

    def column(self) -> np.ndarray:
        """Return the errors, shape (E,), text."""
        return np.array(self._errors, str)


class _Numbers(dict):
    """Numbers of texts, in the order in which they are first seen."""

    def __missing__(self, text: str) -> int:
        self[text] = len(self)
        return self[text]

    def column(self) -> np.ndarray:
        """Return the texts in the order of their numbers."""
        return np.array(list(self), str)


def pack_flags(joints: Iterable[int]) -> np.ndarray:
    """Return flags of one hand that are set for some joints of handkd's order, in 21 of 24 bits: shape (3,), uint8."""
    flags = np.zeros(NUM_JOINTS, bool)
    flags[list(joints)] = True
    return np.packbits(flags)


@lru_cache(maxsize=4096)
def _pack_both(flags: bytes) -> bytes:
    """Pack the 42 flags of a file to those of the left and the right hand, in 6 bytes; most are the same few."""
    return np.packbits(np.frombuffer(flags, np.uint8)[_PLACES], axis=1).tobytes()


def _packed(flags: bytearray) -> np.ndarray:
    """Return packed flags of both hands, shape (N, 2, 3), uint8."""
    return np.frombuffer(flags, np.uint8).reshape(-1, 2, 3)


def read_data(path: Path) -> dict[str, np.ndarray]:
    """Read ``_data.json``: images and their annotations.

    Returns:
        Columns of the M images: 'id', 'width' and 'height' (px), 'subject', 'frame', 'name' (bytes), and numbers
        'capture', 'sequence', 'camera', 'folder' of the texts in 'captures', 'sequences', 'cameras', 'folders'. Columns
        of the N annotations: 'image_id', 'hand_type' (place in :data:`HAND_TYPES`) and 'valid', shape (N, 2, 3), uint8:
        packed flags (:func:`pack_flags`) of the left and the right hand. 'faults': errors of the damaged entries, which
        are left out.

    Raises:
        OSError: If it can't be read; names it.
        ValueError: If it is not such a file; names it and the key.
    """
    faults, images, annotations = _Faults(), _Images(), _Annotations()
    tables = {'images': images, 'annotations': annotations}
    for keys, entry in read_entries(path, 2):
        table = tables.get(keys[0])
        if table is not None:
            try:
                table.add(entry, place(path, keys))
            except ValueError as error:
                faults.add(error)
    for key, table in tables.items():
        if not len(table):
            raise ValueError(f'{str(path)!r} must have a list {key!r} with entries, found none')
    return {**images.columns(), **annotations.columns(), 'faults': faults.column()}


class _Images:
    """Rows of the images."""

    _INTEGERS = ('id', 'width', 'height', 'subject', 'frame_idx')

    def __init__(self) -> None:
        self._integers = {key: array('q') for key in self._INTEGERS}
        self._names: list[bytes] = []
        self._texts = {key: _Numbers() for key in ('capture', 'sequence', 'camera', 'folder')}
        self._rows = {key: array('q') for key in self._texts}

    def __len__(self) -> int:
        return len(self._names)

    def add(self, entry: object, where: str) -> None:
        """Add an entry of 'images', or raise a ValueError."""
        integers = [_integer(entry, key, where) for key in self._INTEGERS]
        texts = [_text(entry, key, where) for key in ('capture', 'seq_name', 'camera')]
        folder, _, name = _text(entry, 'file_name', where).rpartition('/')
        if folder not in self._texts['folder']:
            for part in folder.split('/') if folder else ():
                check_name(part, f"{where}, a folder in 'file_name'")
        check_name(name, f"{where}, the last part of 'file_name'")
        if max(len(name), len(folder)) > _LONGEST:
            raise ValueError(f"{where}: 'file_name' has {len(name)} characters, expected up to {_LONGEST}")
        for key, value in zip(self._INTEGERS, integers):
            self._integers[key].append(value)
        for (key, numbers), text in zip(self._texts.items(), (*texts, folder)):
            self._rows[key].append(numbers[text])
        self._names.append(name.encode())

    def columns(self) -> dict[str, np.ndarray]:
        """Return the columns."""
        integers = {key: np.frombuffer(values, np.int64).astype(np.int32) for key, values in self._integers.items()}
        integers['frame'] = integers.pop('frame_idx')
        rows = {key: np.frombuffer(values, np.int64).astype(np.int32) for key, values in self._rows.items()}
        texts = {f'{key}s': numbers.column() for key, numbers in self._texts.items()}
        return {**integers, **rows, **texts, 'name': np.array(self._names)}


class _Annotations:
    """Rows of the annotations."""

    def __init__(self) -> None:
        self._image_id, self._hand_type, self._valid = array('q'), array('b'), bytearray()

    def __len__(self) -> int:
        return len(self._image_id)

    def add(self, entry: object, where: str) -> None:
        """Add an entry of 'annotations', or raise a ValueError."""
        image_id, valid = _integer(entry, 'image_id', where), _valid(entry, where)
        hand_type = _hand_type(entry, where)
        self._image_id.append(image_id)
        self._hand_type.append(hand_type)
        self._valid += _pack_both(valid)

    def columns(self) -> dict[str, np.ndarray]:
        """Return the columns."""
        return {
            'image_id': np.frombuffer(self._image_id, np.int64),
            'hand_type': np.frombuffer(self._hand_type, np.int8),
            'valid': _packed(self._valid),
        }


def read_joints(path: Path) -> dict[str, np.ndarray]:
    """Read ``_joint_3d.json``: the joints of all frames.

    Returns:
        Columns of the F frames: 'capture' (a number of the text in 'captures'), 'frame', 'joints' (F, 2, 21, 3),
        float32, mm, world, of the left and the right hand in handkd's order, 0 without a label; and 'valid'
        (F, 2, 3), uint8, as in :func:`read_data`. 'faults': errors of the damaged entries, which are left out.

    Raises:
        OSError: If it can't be read; names it.
        ValueError: If it is not such a file; names it and the key.
    """
    faults, captures = _Faults(), _Numbers()
    rows, joints, valid = array('q'), bytearray(), bytearray()
    for keys, entry in read_entries(path, 2):
        try:
            frame, points, labelled = _frame(entry, keys, place(path, keys))
        except ValueError as error:
            faults.add(error)
            continue
        rows.extend((captures[str(keys[0])], frame))
        joints += points.tobytes()
        valid += _pack_both(labelled)
    if not rows:
        raise ValueError(
            f"{str(path)!r} must have joints by capture and frame, such as {{'0': {{'4295': ...}}}}, found none"
        )
    table = np.frombuffer(rows, np.int64).reshape(-1, 2)
    if len(np.unique(table, axis=0)) < len(table):
        raise ValueError(f'{str(path)!r} has a frame of a capture twice')
    return {
        'capture': table[:, 0],
        'captures': captures.column(),
        'frame': table[:, 1],
        'joints': np.frombuffer(joints, np.float32).reshape(-1, _BOTH, 3)[:, _PLACES],
        'valid': _packed(valid),
        'faults': faults.column(),
    }


def _frame(entry: object, keys: tuple, where: str) -> tuple[int, np.ndarray, bytes]:
    """Return a frame's number, its joints (42, 3) float32, mm, world, and which are labelled, as 42 bytes."""
    if not isinstance(keys[1], str) or not keys[1].isdecimal() or len(keys[1]) > 9:
        raise ValueError(f'{where}: frames must have numbers as keys, found {shown(keys[1])}')
    points = _array(entry, 'world_coord', (_BOTH, 3), where)
    labelled = _valid(entry, where)
    kept = np.frombuffer(labelled, np.uint8) > 0
    points = np.where(kept[:, None], points, 0.0)
    strange = np.flatnonzero(~is_sane(points).all(1))
    if len(strange):
        joint = strange[0]
        raise ValueError(f"{where}: 'world_coord' of {_NAMES[joint]!r} is {points[joint].tolist()}, expected mm")
    return int(keys[1]), points.astype(np.float32), labelled


def read_cameras(path: Path) -> dict[tuple[str, str], dict[str, np.ndarray]]:
    """Read ``_camera.json``: the cameras of all captures.

    Returns:
        (capture, camera) -> ``K`` (3, 3) px, ``R`` (3, 3) and ``T`` (3,) mm: world to camera.

    Raises:
        OSError: If it can't be read; names it.
        ValueError: If it is not such a file; names it, the capture, the camera and the key.
    """
    content = read_json(path)
    if not isinstance(content, dict) or not content:
        raise ValueError(f"{str(path)!r} must have cameras by capture, such as {{'0': ...}}, found {shown(content)}")
    cameras = {}
    for capture, entry in content.items():
        lists = {
            key: _mapping(entry, key, f'{str(path)!r}, {capture}') for key in ('campos', 'camrot', 'focal', 'princpt')
        }
        for name in lists['campos']:
            cameras[capture, name] = _camera(lists, name, f'{str(path)!r}, {capture}, camera {name}')
    return cameras


def _camera(lists: Mapping[str, dict], name: str, where: str) -> dict[str, np.ndarray]:
    """Return one camera: x_cam = R (x_world - campos)."""
    shapes = {'campos': (3,), 'camrot': (3, 3), 'focal': (2,), 'princpt': (2,)}
    found = {key: _array({key: lists[key].get(name)}, key, shape, where) for key, shape in shapes.items()}
    intrinsics = np.eye(3)
    intrinsics[[0, 1], [0, 1]], intrinsics[:2, 2] = found['focal'], found['princpt']
    camera = {'K': intrinsics, 'R': found['camrot'], 'T': -found['camrot'] @ found['campos']}
    check_camera(camera, where)
    return camera


def _field(entry: object, key: str, where: str) -> object:
    if not isinstance(entry, dict):
        raise ValueError(f'{where} must be an object with {key!r}, found {shown(entry)}')
    if key not in entry:
        raise ValueError(f'{where} has no {key!r}, only {shown(sorted(entry))}')
    return entry[key]


def _integer(entry: object, key: str, where: str) -> int:
    value = _field(entry, key, where)
    if type(value) is not int or not 0 <= value < 1 << 31:
        raise ValueError(f'{where}: {key!r} must be a whole number from 0 to 2147483647, found {shown(value)}')
    return value


def _text(entry: object, key: str, where: str) -> str:
    """Return a name, which may be a number in the file."""
    value = _field(entry, key, where)
    if type(value) is not int and (not isinstance(value, str) or not value):
        raise ValueError(f'{where}: {key!r} must be a name, found {shown(value)}')
    return str(value)


def _mapping(entry: object, key: str, where: str) -> dict:
    value = _field(entry, key, where)
    if not isinstance(value, dict):
        raise ValueError(f'{where}: {key!r} must be an object with one entry per camera, found {shown(value)}')
    return value


def _array(entry: object, key: str, shape: tuple[int, ...], where: str) -> np.ndarray:
    """Return numbers of a given shape, float64."""
    value = _field(entry, key, where)
    try:
        found = np.array(value)
    except (ValueError, OverflowError):
        found = np.array(None)  # lists of unequal lengths
    if found.shape != shape or found.dtype.kind not in 'iuf':
        what = found.shape if found.shape else shown(value)
        raise ValueError(f'{where}: {key!r} must be numbers of shape {shape}, found {what}')
    return found.astype(np.float64)


def _hand_type(entry: object, where: str) -> int:
    value = _field(entry, 'hand_type', where)
    if value not in HAND_TYPES:
        raise ValueError(f"{where}: 'hand_type' must be one of {HAND_TYPES}, found {shown(value)}")
    return HAND_TYPES.index(value)


def _valid(entry: object, where: str) -> bytes:
    """Return 'joint_valid' as 42 bytes, 0 or 1; each is a number, or a list of one in it."""
    value = _field(entry, 'joint_valid', where)
    flags = [one[0] if type(one) is list and len(one) == 1 else one for one in value] if type(value) is list else []
    try:
        sound = len(flags) == _BOTH and set(flags) <= {0, 1}
    except TypeError:  # lists or objects, which have no hash
        sound = False
    if not sound:
        raise ValueError(f"{where}: 'joint_valid' must be {_BOTH} numbers 0 or 1, found {shown(value)}")
    return bytes(map(bool, flags))
