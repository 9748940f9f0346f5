"""Entries of a COCO-style JSON file of hands, checked one by one, as columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from handkd.hand import NUM_JOINTS, SIDES
from handkd.hints import did_you_mean
from handkd.reading import leaves_folder, shown
from handkd.units import FARTHEST, is_sane

from ..damaged_labels import DamagedLabels
from .json_entries import place, read_entries

_LISTS = ('images', 'annotations')
_LONGEST = 1000
"""Maximum length of an image's name."""


class Hand(NamedTuple):
    """One hand.

    Attributes:
        image: The image's ``id``; in the columns, its row.
        side: Place in :data:`handkd.hand.SIDES`, or -1 if unknown.
        box: (4,) float32, x1, y1, x2, y2, px; zeros if there is none.
        joints: (21, 3) float32: x, y, px, and visibility, in the file's order.
    """

    image: int
    side: int
    box: np.ndarray
    joints: np.ndarray


class CocoHands:
    """Images and hands of a file.

    Args:
        path: The file.
        allow_outside: Whether names of images may leave their folder.

    Attributes:
        description: The ``description`` of the file's ``info``, or ''.
    """

    def __init__(self, path: Path, allow_outside: bool) -> None:
        self.description = ''
        self._path, self._allow_outside = path, allow_outside
        self._rows: dict[int, int] = {}
        self._files: list[str] = []
        self._sizes: list[tuple[int, int]] = []
        self._hands: list[Hand] = []
        self._where: list[int] = []
        self._unlabelled = 0

    def read(self, damage: DamagedLabels) -> dict[str, np.ndarray]:
        """Read all annotations but crowds, and return the hands with a labelled joint as columns.

        Args:
            damage: Guards the reading of single entries.

        Returns:
            Of the N hands 'sample', 'image' (row), 'side', 'box' (N, 4) px and 'joints' (N, 21, 3) px; of the M images
            'files' and 'sizes' (M, 2), px; and 'unlabelled', the number of hands left out.

        Raises:
            OSError: If the file can't be read.
            ValueError: If it is not JSON of this form, or an entry is wrong and may not be skipped.
        """
        found = set()
        for keys, entry in read_entries(self._path, 2):
            found.add(keys[0])
            if keys == ('info', 'description'):
                self.description = str(entry)[:100]
            with damage.guard(self._path):
                if keys[0] == 'images':
                    self._add_image(entry, place(self._path, keys))
                elif keys[0] == 'annotations':
                    self._add_hands(_hands_of(entry, place(self._path, keys)), keys[1])
        missing = [key for key in _LISTS if key not in found]
        if missing:
            raise ValueError(
                f"{str(self._path)!r} has no list {missing[0]!r}, expected COCO's 'images' and 'annotations'; "
                f'{did_you_mean(missing[0], sorted(map(str, found))) if found else "it is empty"}'
            )

        return self._columns(damage)

    def _columns(self, damage: DamagedLabels) -> dict[str, np.ndarray]:
        """Return the columns of the hands whose images exist, and of the images."""
        kept: list[Hand] = []
        for hand, entry in zip(self._hands, self._where):
            with damage.guard(self._path):
                if hand.image not in self._rows:
                    where = place(self._path, ('annotations', entry))
                    raise ValueError(f"{where}: 'image_id' must be an id in 'images', found {hand.image}")
                kept.append(hand._replace(image=self._rows[hand.image]))
        return {
            'sample': np.arange(len(kept), dtype=np.int32),
            'image': np.array([hand.image for hand in kept], np.int32),
            'side': np.array([hand.side for hand in kept], np.int8),
            'box': np.array([hand.box for hand in kept], np.float32).reshape(-1, 4),
            'joints': np.array([hand.joints for hand in kept], np.float32).reshape(-1, NUM_JOINTS, 3),
            'files': np.array(self._files, str),
            'sizes': np.array(self._sizes, np.int32).reshape(-1, 2),
            'unlabelled': np.array(self._unlabelled),
        }

    def _add_hands(self, hands: Sequence[Hand], entry: int) -> None:
        labelled = [hand for hand in hands if (hand.joints[:, 2] > 0).any()]
        self._hands += labelled
        self._where += [entry] * len(labelled)
        self._unlabelled += len(hands) - len(labelled)

    def _add_image(self, entry: object, where: str) -> None:
        number, name = _integer(entry, 'id', where), entry.get('file_name')
        if not isinstance(name, str) or not 0 < len(name) <= _LONGEST or '\0' in name:
            raise ValueError(f"{where}: 'file_name' must be a file's path, found {shown(name)}")
        if not self._allow_outside and leaves_folder(name):
            raise ValueError(
                f"{where}: 'file_name' must be inside the folder of the data set, found {shown(name)}: if you trust "
                "the file's author, set allow_outside=True of the data set"
            )
        if number in self._rows:
            raise ValueError(f"{where}: 'id' must be different in each image, found {number} twice")
        size = tuple(_integer(entry, key, where) if key in entry else 0 for key in ('width', 'height'))
        if min(size) < 0 or max(size) > FARTHEST:
            raise ValueError(f"{where}: 'width' and 'height' must be px of the image, found {size}")
        self._rows[number] = len(self._files)
        self._files.append(name)
        self._sizes.append(size if min(size) > 0 else (0, 0))


def _hands_of(entry: object, where: str) -> list[Hand]:
    """Return the hands of an annotation: one, or a person's two; none of a crowd."""
    image = _integer(entry, 'image_id', where)
    if entry.get('iscrowd'):
        return []
    if any(f'{side}hand_kpts' in entry for side in SIDES):
        keys = [(k, f'{side}hand_kpts', f'{side}hand_box') for k, side in enumerate(SIDES)]
        valid = [entry.get(f'{side}hand_valid', True) for side in SIDES]
        shown_hands = [key for key, good in zip(keys, valid) if good and key[1] in entry]
    else:
        side = entry.get('hand_type')
        if side is not None and side not in SIDES:
            raise ValueError(f"{where}: 'hand_type' must be one of {SIDES}, found {shown(side)}")
        shown_hands = [(-1 if side is None else SIDES.index(side), 'keypoints', 'bbox')]
    return [
        Hand(image, side, _box(entry, box, where), _joints(entry, joints, where)) for side, joints, box in shown_hands
    ]


def _integer(entry: object, key: str, where: str) -> int:
    """Return a whole number of an entry, which must be an object."""
    if not isinstance(entry, Mapping):
        raise ValueError(f'{where}: expected an object {{...}}, found {shown(entry)}')
    value = entry.get(key)
    if type(value) is not int or abs(value) >= 1 << 62:
        raise ValueError(f'{where}: {key!r} must be a whole number, found {shown(value)}')
    return value


def _numbers(value: object) -> np.ndarray:
    """Return nested lists of numbers as one row; empty if they are none."""
    try:
        array = np.array(value)
    except (ValueError, OverflowError):  # lists of different lengths
        return np.empty(0)
    return array.reshape(-1) if array.dtype.kind in 'iuf' and is_sane(array).all() else np.empty(0)


def _joints(entry: Mapping, key: str, where: str) -> np.ndarray:
    """Return x, y and visibility of the joints, shape (21, 3), px."""
    values = _numbers(entry.get(key))
    if values.size != 3 * NUM_JOINTS:
        found = f'{values.size} numbers' if values.size else shown(entry.get(key))
        raise ValueError(
            f'{where}: {key!r} must be x, y, visibility of {NUM_JOINTS} joints, {3 * NUM_JOINTS} numbers up to '
            f'{FARTHEST:g}, found {found}'
        )
    return values.astype(np.float32).reshape(NUM_JOINTS, 3)


def _box(entry: Mapping, key: str, where: str) -> np.ndarray:
    """Return a box x, y, width, height as x1, y1, x2, y2, px; zeros if there is none."""
    if entry.get(key) is None:
        return np.zeros(4, np.float32)
    values = _numbers(entry[key])
    if values.size != 4 or (values[2:] < 0).any():
        raise ValueError(f'{where}: {key!r} must be x, y, width, height, found {shown(entry[key])}')
    return np.concatenate([values[:2], values[:2] + values[2:]]).astype(np.float32)
