"""File readers of the two releases of the CMU Panoptic Studio's hands."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from handkd.geometry.camera import check_camera
from handkd.hand import SIDES
from handkd.reading import check_name, read_json, shown

from ..damaged_labels import DamagedLabels
from .unpickling import load_arrays

NODES = tuple(range(31))
"""Numbers of the HD cameras."""

SIZE = (1920, 1080)
"""Width and height of the HD cameras' images."""

IMAGE_TYPES = ('jpg', 'png')
"""Suffixes of the images extracted by the owners' toolbox, by default and on demand."""

MM = 10.0
"""Millimetres per unit of the files, the centimetre."""

_LARGEST = 999_999_999  # of frames and people, which are kept in 32 bits
_CALIBRATION = {'K': (3, 3), 'R': (3, 3), 't': (3,), 'distCoef': (5,)}


class LabelledHand(NamedTuple):
    """One hand in one frame, as in a file.

    Attributes:
        frame: Number of the frame.
        person: Number of the person.
        side: 'left' or 'right'.
        label: The file's entry of the hand: ``landmarks`` and more.
        file: The label file.
    """

    frame: int
    person: int
    side: str
    label: Mapping
    file: Path


class FullRelease:
    """Sequences as the owners' toolbox unpacks them.

    Args:
        root: The folder with the sequences.
        every_nth: Reads every n-th label file of a sequence.
    """

    def __init__(self, root: Path, every_nth: int) -> None:
        self.root, self.every_nth = root, every_nth

    def sequences(self) -> list[str]:
        """Return the names of the sequences on disk."""
        return sorted(path.parent.name for path in self.root.glob('*/calibration_*.json'))

    def nodes(self, name: str) -> list[int]:
        """Return the cameras of a sequence that have a folder of images.

        Raises:
            FileNotFoundError: If there are none; says whether videos were found.
        """
        folder = self.root / name
        nodes = [node for node in NODES if (folder / f'hdImgs/00_{node:02d}').is_dir()]
        if not nodes:
            remedy = (
                "there are videos: extract their frames first, with the owners' toolbox"
                if (folder / 'hdVideos').is_dir()
                else 'download the HD videos and extract their frames'
            )
            raise FileNotFoundError(
                f"{str(folder)!r} has no images 'hdImgs/00_00/00_00_00000000.jpg' (or .png) etc.; {remedy}"
            )
        return nodes

    def sources(self, name: str, nodes: Sequence[int]) -> list[str]:
        """Return the files and folders of a sequence with labels and images."""
        folders = (f'{name}/hdImgs/00_{node:02d}' for node in nodes)
        return [f'{name}/calibration_{name}.json', f'{name}/hdHand3d', *folders]

    def cameras(self, name: str) -> dict[int, dict[str, np.ndarray]]:
        """Return a sequence's HD cameras, see :func:`_read_camera`."""
        path = self.root / name / f'calibration_{name}.json'
        content = read_json(path, constants=True)  # NaN and infinity get an error with their place
        listed = content.get('cameras') if isinstance(content, dict) else None
        if not isinstance(listed, list):
            raise ValueError(f"{str(path)!r} has no list 'cameras'; unpack or download it again")
        cameras = {}
        for camera in listed:
            if not isinstance(camera, dict):
                raise ValueError(f"{str(path)!r}: 'cameras' must hold objects, found {shown(camera)}")
            if camera.get('type') == 'hd':
                if camera.get('resolution') != list(SIZE):
                    raise ValueError(
                        f"{str(path)!r}: camera {shown(camera.get('name'))} must have 'resolution' {list(SIZE)}, found "
                        f'{shown(camera.get("resolution"))}'
                    )
                where = f'{str(path)!r}: camera {shown(camera.get("name"))}'
                cameras[_check_node(camera.get('node'), where)] = _read_camera(camera, where)
        return cameras

    def labels(self, damage: DamagedLabels) -> dict[str, Iterator[LabelledHand]]:
        """Return the hands of each sequence, read lazily from its files.

        Args:
            damage: Collects or raises the errors of damaged files.
        """
        return {name: self._hands(name, damage) for name in self.sequences()}

    def _hands(self, name: str, damage: DamagedLabels) -> Iterator[LabelledHand]:
        """Yield the hands of a sequence by frame."""
        folder = self.root / name / 'hdHand3d'
        prefix, suffix = 'handRecon3D_hd', '.json'
        frames = sorted(
            int(file[len(prefix) : -len(suffix)])
            for file in os.listdir(folder)
            if re.fullmatch(f'{prefix}[0-9]{{1,9}}{suffix}', file)
        )[:: self.every_nth]
        for frame in tqdm(frames, desc=f'reading {name}, once', disable=len(frames) <= 1000):
            hands, path = [], folder / f'{prefix}{frame:08d}{suffix}'
            with damage.guard(path):
                hands = _read_people(path, frame)
            yield from hands

    def images(self, name: str, nodes: Sequence[int], frames: Sequence[int]) -> tuple[str, dict[int, np.ndarray]]:
        """Return the suffix of a sequence's images, and for each camera the frames with an image.

        Raises:
            ValueError: If there are images of two kinds; names one of each.
        """
        found, kinds = {}, {}
        for node in nodes:
            folder, prefix, numbers = f'hdImgs/00_{node:02d}', f'00_{node:02d}_', []
            for file in os.listdir(self.root / name / folder):
                number, _, kind = file.removeprefix(prefix).rpartition('.')
                if file.startswith(prefix) and re.fullmatch('[0-9]{1,9}', number) and kind in IMAGE_TYPES:
                    numbers.append(int(number))
                    kinds.setdefault(kind, f'{folder}/{file}')
            found[node] = np.intersect1d(np.array(numbers, np.int64), frames)
        if len(kinds) > 1:
            raise ValueError(
                f'{str(self.root / name)!r} has images of two kinds, such as {kinds["jpg"]!r} and {kinds["png"]!r}; '
                'extract all cameras alike, and remove the other kind'
            )
        return next(iter(kinds), IMAGE_TYPES[0]), found

    def image(self, name: str, frame: int, node: int, kind: str) -> str:
        """Return the path of an image with suffix ``kind``."""
        return f'{self.root}/{name}/hdImgs/00_{node:02d}/00_{node:02d}_{frame:08d}.{kind}'


class MTCRelease:
    """Frames chosen for Monocular Total Capture (Xiang et al., 2019), with two lists of labels.

    Args:
        root: The folder with ``annotation`` and ``hdImgs``.
        split: 'train', 'test' or 'all'.
        every_nth: Uses every n-th labelled frame of a sequence in the split.
    """

    LABELS, CAMERAS = 'annotation/annotation.pkl', 'annotation/camera_data.pkl'
    LISTS = {'train': ('training_data',), 'test': ('testing_data',), 'all': ('training_data', 'testing_data')}

    def __init__(self, root: Path, split: str, every_nth: int) -> None:
        self.root, self.split, self.every_nth = root, split, every_nth

    def sequences(self) -> list[str]:
        """Return the names of the sequences that have images."""
        return sorted(path.name for path in self.root.glob('hdImgs/*') if path.is_dir())

    def sources(self) -> list[str]:
        """Return the label files and the folders of the sequences, whose times change when a frame's folder is added.

        The folders of the frames are too many to check each time: images added to one of them go unnoticed.
        """
        return [self.LABELS, self.CAMERAS, 'hdImgs', *(f'hdImgs/{name}' for name in self.sequences())]

    def nodes(self, name: str) -> list[int]:
        """Return all HD cameras: there is one folder of images per frame, so no camera is known to have none."""
        return list(NODES)

    def cameras(self, name: str) -> dict[int, dict[str, np.ndarray]]:
        """Return a sequence's HD cameras, see :func:`_read_camera`."""
        path = self.root / self.CAMERAS
        content = load_arrays(path)
        if not isinstance(content, dict) or not isinstance(content.get(name), dict):
            raise ValueError(f'{str(path)!r} has no cameras of the sequence {name!r}')
        where, cameras = f'{str(path)!r}: sequence {name!r}', {}
        for key, camera in content[name].items():
            node = _check_node(key, where)
            if node in NODES:
                cameras[node] = _read_camera(camera, f'{where}, camera {node}')
        return cameras

    def images(self, name: str, nodes: Sequence[int], frames: Sequence[int]) -> tuple[str, dict[int, np.ndarray]]:
        """Return the suffix of the images, 'jpg', and for each camera the frames with an image."""
        found, kind = {node: [] for node in nodes}, IMAGE_TYPES[0]
        for frame in tqdm(frames, desc=f'looking for images of {name}, once', disable=len(frames) <= 1000):
            for node in nodes:
                if os.path.exists(self.image(name, frame, node, kind)):
                    found[node].append(frame)
        return kind, {node: np.array(numbers, np.int64) for node, numbers in found.items()}

    def image(self, name: str, frame: int, node: int, kind: str) -> str:
        """Return the path of an image with suffix ``kind``."""
        return f'{self.root}/hdImgs/{name}/{frame:08d}/00_{node:02d}_{frame:08d}.{kind}'

    def labels(self, damage: DamagedLabels) -> dict[str, list[LabelledHand]]:
        """Read the hands of each sequence of the split, all at once into memory, as the file requires.

        Args:
            damage: Collects or raises the errors of damaged entries.
        """
        path = self.root / self.LABELS
        content = load_arrays(path)
        hands: dict[str, list[LabelledHand]] = {}
        for key in self.LISTS[self.split]:
            if not isinstance(content, dict) or not isinstance(content.get(key), (list, tuple)):
                raise ValueError(f'{str(path)!r} has no list {key!r}')
            for entry in content[key]:
                with damage.guard(path):
                    name, found = _read_entry(entry, f'{str(path)!r}: an entry of {key!r}', path)
                    hands.setdefault(name, []).extend(found)
        return {name: self._thin(found) for name, found in hands.items()}

    def _thin(self, hands: list[LabelledHand]) -> list[LabelledHand]:
        kept = set(sorted({hand.frame for hand in hands})[:: self.every_nth])
        return [hand for hand in hands if hand.frame in kept]


def _read_people(path: Path, frame: int) -> list[LabelledHand]:
    """Read a label file of the full release, without people of negative number: no person was found."""
    content = read_json(path, constants=True)  # NaN and infinity get an error with their place
    people = content.get('people') if isinstance(content, dict) else None
    if not isinstance(people, list):
        raise ValueError(f"{str(path)!r} has no list 'people'")
    hands = []
    for person in people:
        number = person.get('id', -1) if isinstance(person, dict) else None
        if type(number) is not int or number > _LARGEST:
            raise ValueError(
                f"{str(path)!r}: 'people' must hold objects with a whole number 'id' up to {_LARGEST}, found "
                f'{shown(person)}'
            )
        hands += _hands_of(person, number, frame, path)
    return hands


def _read_entry(entry: object, where: str, path: Path) -> tuple[str, list[LabelledHand]]:
    """Return the sequence and the hands of an entry of the MTC release."""
    if not isinstance(entry, dict):
        raise ValueError(f'{where} must be a dict, found {type(entry).__name__}')
    absent = [word for word in ('seqName', 'frame_str', 'id') if word not in entry]
    if absent:
        raise ValueError(f'{where} has no {absent[0]!r}, only {sorted(map(str, entry))}')
    number, frame, name = entry['id'], str(entry['frame_str']), str(entry['seqName'])
    if not re.fullmatch('[0-9]{1,9}', frame) or not isinstance(number, (int, np.integer)) or number > _LARGEST:
        raise ValueError(
            f"{where}: 'frame_str' and 'id' must be whole numbers up to {_LARGEST}, found {shown(entry['frame_str'])} "
            f'and {shown(number)}'
        )
    check_name(name, f"{where}: 'seqName'")
    return name, _hands_of(entry, int(number), int(frame), path)


def _hands_of(person: Mapping, number: int, frame: int, path: Path) -> list[LabelledHand]:
    """Return the labelled hands of a person; none if its number is negative."""
    hands = [(side, person.get(f'{side}_hand')) for side in SIDES if number >= 0]
    for side, hand in hands:
        if hand and not isinstance(hand, dict):
            raise ValueError(f"{str(path)!r}: frame {frame}, person {number}: '{side}_hand' must be an object")
    return [LabelledHand(frame, number, side, hand, path) for side, hand in hands if hand]


def _check_node(node: object, where: str) -> int:
    """Return the number of a camera, or raise a ValueError."""
    if isinstance(node, (str, int, np.integer)) and re.fullmatch('-?[0-9]{1,9}', str(node)):
        return int(node)
    raise ValueError(f"{where}: 'node' of a camera must be a whole number, found {shown(node)}")


def _read_camera(camera: object, where: str) -> dict[str, np.ndarray]:
    """Return a camera's ``K``, ``R``, ``t`` (in cm, the file's unit) and ``distCoef`` as float64; names a fault."""
    if not isinstance(camera, Mapping):
        raise ValueError(f'{where} must be an object, found {shown(camera)}')
    arrays = {}
    for key, shape in _CALIBRATION.items():
        value = to_numbers(camera.get(key))
        if value.size != np.prod(shape) or not np.isfinite(value).all():
            raise ValueError(f'{where}: {key!r} must be {shape} finite numbers, found {shown(camera.get(key))}')
        arrays[key] = value.reshape(shape)
    check_camera(dict(K=arrays['K'], R=arrays['R'], t=arrays['t'] * MM, distCoef=arrays['distCoef']), where)
    return arrays


def to_numbers(value: object) -> np.ndarray:
    """Return a file's value as float64, any shape; empty if it is not an array of numbers."""
    try:
        return np.asarray(() if value is None else value, np.float64)
    except (TypeError, ValueError, OverflowError):
        return np.empty(0)
