"""The two forms in which the CMU Panoptic Studio's hands are shipped: where files lie and what they say."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from handkd.hand import SIDES

from .unpickling import load_arrays

NODES = tuple(range(31))
"""Numbers of the HD cameras."""

SIZE = (1920, 1080)
"""Width and height of the HD cameras' images."""

_CALIBRATION = {'K': (3, 3), 'R': (3, 3), 't': (3,), 'distCoef': (5,)}


class LabelledHand(NamedTuple):
    """One hand in one frame, as a file says it.

    Attributes:
        frame: Number of the frame.
        person: Number of the person.
        side: 'left' or 'right'.
        label: What the file holds of the hand: ``landmarks`` and more.
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
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def sequences(self) -> list[str]:
        """Return the names of the sequences that are there."""
        return sorted(path.parent.name for path in self.root.glob('*/calibration_*.json'))

    def nodes(self, name: str) -> list[int]:
        """Return the cameras of a sequence that have a folder of images.

        Raises:
            FileNotFoundError: If there are none; says so where there are videos.
        """
        folder = self.root / name
        nodes = [node for node in NODES if (folder / f'hdImgs/00_{node:02d}').is_dir()]
        if not nodes:
            remedy = (
                "there are videos: extract their frames first, with the owners' toolbox"
                if (folder / 'hdVideos').is_dir()
                else 'download the HD videos and extract their frames'
            )
            raise FileNotFoundError(f"{str(folder)!r} has no images 'hdImgs/00_00/00_00_00000000.jpg' etc.; {remedy}")
        return nodes

    def sources(self, name: str, nodes: Sequence[int]) -> list[str]:
        """Return the files and folders of a sequence that labels and images are read from."""
        folders = (f'{name}/hdImgs/00_{node:02d}' for node in nodes)
        return [f'{name}/calibration_{name}.json', f'{name}/hdHand3d', *folders]

    def cameras(self, name: str) -> dict[int, dict[str, np.ndarray]]:
        """Return a sequence's HD cameras, see :func:`_check_camera`."""
        path = self.root / name / f'calibration_{name}.json'
        content = _read_json(path)
        listed = content.get('cameras') if isinstance(content, dict) else None
        if not isinstance(listed, list):
            raise ValueError(f"{str(path)!r} has no list 'cameras'")
        cameras = {}
        for camera in listed:
            if camera.get('type') == 'hd':
                if camera.get('resolution') != list(SIZE):
                    raise ValueError(
                        f"{str(path)!r}: camera {camera.get('name')!r} must have 'resolution' {list(SIZE)}, found "
                        f'{camera.get("resolution")}'
                    )
                cameras[int(camera['node'])] = _check_camera(camera, f'{str(path)!r}: camera {camera.get("name")!r}')
        return cameras

    def labels(self) -> dict[str, Iterator[LabelledHand]]:
        """Return the hands of each sequence, to be read from its files one by one."""
        return {name: self._hands(name) for name in self.sequences()}

    def _hands(self, name: str) -> Iterator[LabelledHand]:
        """Yield the hands of a sequence by frame, without people whose number is negative: no person was found."""
        folder = self.root / name / 'hdHand3d'
        prefix, suffix = 'handRecon3D_hd', '.json'
        frames = sorted(
            int(file[len(prefix) : -len(suffix)])
            for file in os.listdir(folder)
            if file.startswith(prefix) and file.endswith(suffix)
        )
        for frame in tqdm(frames, desc=f'reading {name}, once', disable=len(frames) <= 1000):
            path = folder / f'{prefix}{frame:08d}{suffix}'
            content = _read_json(path)
            people = content.get('people') if isinstance(content, dict) else None
            if not isinstance(people, list):
                raise ValueError(f"{str(path)!r} has no list 'people'")
            for person in people:
                for side in SIDES:
                    if person.get('id', -1) >= 0 and person.get(f'{side}_hand'):
                        yield LabelledHand(frame, person['id'], side, person[f'{side}_hand'], path)

    def images(self, name: str, nodes: Sequence[int], frames: Sequence[int]) -> dict[int, np.ndarray]:
        """Return which of the frames each camera has an image of."""
        found = {}
        for node in nodes:
            names = os.listdir(self.root / name / f'hdImgs/00_{node:02d}')
            prefix = f'00_{node:02d}_'
            numbers = [file[len(prefix) : -4] for file in names if file.startswith(prefix) and file.endswith('.jpg')]
            there = np.array([number for number in numbers if number.isdigit()], np.int64)
            found[node] = np.intersect1d(there, frames)
        return found

    def image(self, name: str, frame: int, node: int) -> str:
        """Return the path of an image."""
        return f'{self.root}/{name}/hdImgs/00_{node:02d}/00_{node:02d}_{frame:08d}.jpg'


class MTCRelease:
    """Frames chosen for Monocular Total Capture (Xiang et al., 2019), with two lists of labels.

    Args:
        root: The folder with ``annotation`` and ``hdImgs``.
        split: 'train', 'test' or 'all'.
    """

    LABELS, CAMERAS = 'annotation/annotation.pkl', 'annotation/camera_data.pkl'
    LISTS = {'train': ('training_data',), 'test': ('testing_data',), 'all': ('training_data', 'testing_data')}

    def __init__(self, root: Path, split: str) -> None:
        self.root, self.split = root, split

    def sources(self) -> list[str]:
        """Return the label files and the folders of the sequences, whose times change when a frame's folder is added.

        The folders of the frames are too many to look at each time: images that are added to one alone go unnoticed.
        """
        folders = sorted(path.name for path in self.root.glob('hdImgs/*') if path.is_dir())
        return [self.LABELS, self.CAMERAS, 'hdImgs', *(f'hdImgs/{name}' for name in folders)]

    def nodes(self, name: str) -> list[int]:
        """Return all HD cameras: images lie in a folder a frame, so none is known to have no images."""
        return list(NODES)

    def cameras(self, name: str) -> dict[int, dict[str, np.ndarray]]:
        """Return a sequence's HD cameras, see :func:`_check_camera`."""
        path = self.root / self.CAMERAS
        content = load_arrays(path)
        if not isinstance(content, dict) or not isinstance(content.get(name), dict):
            raise ValueError(f'{str(path)!r} has no cameras of the sequence {name!r}')
        return {
            int(node): _check_camera(camera, f'{str(path)!r}: sequence {name!r}, camera {node!r}')
            for node, camera in content[name].items()
            if int(node) in NODES
        }

    def images(self, name: str, nodes: Sequence[int], frames: Sequence[int]) -> dict[int, np.ndarray]:
        """Return which of the frames each camera has an image of."""
        found = {node: [] for node in nodes}
        for frame in tqdm(frames, desc=f'looking for images of {name}, once', disable=len(frames) <= 1000):
            for node in nodes:
                if os.path.exists(self.image(name, frame, node)):
                    found[node].append(frame)
        return {node: np.array(numbers, np.int64) for node, numbers in found.items()}

    def image(self, name: str, frame: int, node: int) -> str:
        """Return the path of an image."""
        return f'{self.root}/hdImgs/{name}/{frame:08d}/00_{node:02d}_{frame:08d}.jpg'

    def labels(self) -> dict[str, list[LabelledHand]]:
        """Read the hands of each sequence of the split: all at once, as the file is, so they take memory."""
        path = self.root / self.LABELS
        content = load_arrays(path)
        hands: dict[str, list[LabelledHand]] = {}
        for key in self.LISTS[self.split]:
            if not isinstance(content, dict) or not isinstance(content.get(key), (list, tuple)):
                raise ValueError(f'{str(path)!r} has no list {key!r}')
            for entry in content[key]:
                absent = [word for word in ('seqName', 'frame_str', 'id') if word not in entry]
                if absent:
                    raise ValueError(f'{str(path)!r}: an entry of {key!r} has no {absent[0]!r}, only {sorted(entry)}')
                for side in SIDES:
                    if entry['id'] >= 0 and entry.get(f'{side}_hand'):
                        hand = (int(entry['frame_str']), int(entry['id']), side, entry[f'{side}_hand'], path)
                        hands.setdefault(str(entry['seqName']), []).append(LabelledHand(*hand))
        return hands


def _read_json(path: Path) -> object:
    """Read a JSON file, or name the one that is damaged."""
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f'{str(path)!r} is no JSON that can be read: {error}') from error


def _check_camera(camera: Mapping, where: str) -> dict[str, np.ndarray]:
    """Return a camera's ``K``, ``R``, ``t`` (in the file's unit) and ``distCoef`` as float64, or name a fault."""
    arrays = {}
    for key, shape in _CALIBRATION.items():
        value = np.asarray(camera.get(key, ()), np.float64)
        if value.size != np.prod(shape) or not np.isfinite(value).all():
            raise ValueError(f'{where}: {key!r} must be {shape} finite numbers, found {camera.get(key)!r}')
        arrays[key] = value.reshape(shape)
    return arrays
