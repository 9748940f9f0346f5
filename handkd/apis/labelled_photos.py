"""Photographs with joints, listed in a JSON file, for measuring a network that was trained on other images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np

from handkd.hand import NUM_JOINTS, SIDES
from handkd.hints import check_choice, check_keys
from handkd.reading import leaves_folder, read_json, shown

KEYS = ('file', 'keypoints', 'keypoints_cam', 'box', 'side', 'source', 'truth')
"""Keys of an entry; ``source`` is for human readers."""


@dataclass(frozen=True)
class LabelledPhoto:
    """A photograph of one hand.

    Attributes:
        path: The image.
        keypoints: Joints in px of the image, shape (21, 2), NaN where there is no label.
        keypoints_cam: Joints in mm, camera frame, shape (21, 3); None if there are none.
        box: Box (x, y, width, height), tight around all joints, px.
        side: 'left' or 'right'; None if it is not known.
        guessed: Whether the joints are no truth, such as another network's; they are drawn, and no error is measured.
            Defaults to False.
    """

    path: Path
    keypoints: np.ndarray
    keypoints_cam: np.ndarray | None
    box: tuple[float, float, float, float]
    side: str | None
    guessed: bool = False

    @property
    def square(self) -> tuple[np.ndarray, float]:
        """Centre (2,) of the box, and its longer side, px."""
        x, y, width, height = self.box
        return np.array([x + width / 2, y + height / 2]), max(width, height)


def read_photos(path: str | PathLike) -> list[LabelledPhoto]:
    """Read a list of photographs.

    Each entry has ``file``, relative to the folder of the list; ``keypoints``, 21 pixels [x, y] in handkd's order, null
    for a joint without a label; and optionally ``keypoints_cam``, 21 points [x, y, z] in mm, ``box`` [x, y, width,
    height] and ``side``. With a ``box`` the keypoints may be missing. If ``truth``, a remark on where the joints come
    from, begins with 'none', they are a guess.

    Args:
        path: The JSON file.

    Raises:
        FileNotFoundError: If the list or an image is missing.
        ValueError: If the list is damaged; names the entry and the key.
    """
    path = Path(path)
    content = read_json(path)
    if not isinstance(content, list) or not content:
        raise ValueError(f'{path}: expected a list of photographs, found {shown(content)}')
    return [_read_entry(entry, path, i) for i, entry in enumerate(content)]


def _read_entry(entry: object, path: Path, number: int) -> LabelledPhoto:
    where = f'{path}, entry {number}'
    if not isinstance(entry, Mapping):
        raise ValueError(f'{where}: expected an object, found {shown(entry)}')
    check_keys(entry, KEYS, where)
    if 'file' not in entry:
        raise ValueError(f"{where}: 'file' is missing")
    if entry.get('keypoints') is None and entry.get('box') is None:
        raise ValueError(f"{where}: 'keypoints' are missing; without them give 'box', [x, y, width, height] in px")
    file = entry['file']
    if not isinstance(file, str) or leaves_folder(file):
        raise ValueError(f'{where}: file must be a path within the folder of the list, found {shown(file)}')
    if not (path.parent / file).is_file():
        raise FileNotFoundError(f'{where}: no image at {path.parent / file}')
    points = entry.get('keypoints')
    keypoints = _points([None] * NUM_JOINTS if points is None else points, 2, f'{where}: keypoints')
    side = entry.get('side')
    if side is not None:
        check_choice(side, SIDES, f'{where}: side')
    return LabelledPhoto(
        path.parent / file,
        keypoints,
        _joints(entry.get('keypoints_cam'), f'{where}: keypoints_cam'),
        _box(entry.get('box'), keypoints[np.isfinite(keypoints).all(1)], where),
        side,
        str(entry.get('truth', '')).lower().startswith('none'),
    )


def _joints(value: object, where: str) -> np.ndarray | None:
    """Return the joints in space of an entry, if it has any."""
    if value is None:
        return None
    joints = _points(value, 3, where)
    for missing in np.flatnonzero(np.isnan(joints).any(1))[:1]:
        raise ValueError(f'{where} must have all joints, found none at {missing} (leave the key out)')
    return joints


def _points(value: object, dimensions: int, where: str) -> np.ndarray:
    """Return the points of an entry, NaN for a null."""
    try:
        points = np.array([[np.nan] * dimensions if point is None else point for point in value], np.float64)
    except (TypeError, ValueError):
        points = np.empty(0)
    if points.shape != (NUM_JOINTS, dimensions):
        raise ValueError(f'{where} must be {NUM_JOINTS} points of {dimensions} numbers, or null, found {shown(value)}')
    return points


def _box(value: object, labelled: np.ndarray, where: str) -> tuple[float, float, float, float]:
    """Return the given box, or the tight one of the labelled joints."""
    if value is None:
        if len(labelled) < 2 or not np.ptp(labelled, 0).all():
            raise ValueError(f'{where}: {len(labelled)} joints have no box around them; add joints, or give box')
        return (*labelled.min(0), *np.ptp(labelled, 0))
    try:
        box = np.array(value, np.float64)
    except (TypeError, ValueError):
        box = np.empty(0)
    if box.shape != (4,) or not np.isfinite(box).all() or not (box[2:] > 0).all():
        raise ValueError(f'{where}: box must be [x, y, width, height] in px, found {shown(value)}')
    return tuple(box)
