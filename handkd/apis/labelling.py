"""A network's predictions as labels of a hand folder: one line of JSON per hand, with a confidence."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from itertools import chain, islice
from pathlib import Path

import numpy as np

from handkd.datasets.readers.depth_files import DepthFormat
from handkd.datasets.readers.hand_folder_lines import Description, read_line
from handkd.datasets.readers.text_lines import numbered_lines
from handkd.files import naming, write_fully
from handkd.geometry import project
from handkd.hand import NUM_JOINTS
from handkd.inference.networks import NotForThisNetwork
from handkd.inference.places import KnownHand
from handkd.reading import parse_json

CONFIDENCE = 'x_confidence'
"""Key of a predicted line: from 0 to 1; uncalibrated."""
LABELLED_BY = 'x_labelled_by'
"""Key of a predicted line: the config and the checkpoint."""
_WRITTEN = ('joints_3d', 'joints_2d', CONFIDENCE, LABELLED_BY)
_AGREEMENT = 0.05
"""Deviation between the predictions of two crops, in units of the hand's extent, at which the confidence is 1 / e."""
_SKIN = (-30.0, 60.0)
"""Distance of a joint behind the surface at its pixel, mm, at which it may belong to it."""
_SHIFTS = ((0.05, -0.04, 1.0), (-0.04, 0.05, 1.0), (0.0, 0.0, 1.15))
"""Changes of the box, along x and y in units of its side, and of its side, for the predictions that are compared."""

Infer = Callable[..., dict]


class FolderLabeller:
    """Predicts the joints of unlabelled lines of a hand folder; labelled ones stay as they are.

    Args:
        infer: The method ``one`` of a :class:`~handkd.inference.inferencer.HandInferencer`.
        modality: 'rgb' or 'depth': what the network takes.
        folder: The hand folder.
        description: Its ``dataset.json``.
        labelled_by: Name of config and checkpoint, for the lines.
        hand_scale_mm: Length of the codec's scale bone, mm; needed for joints in space if the network predicts them up
            to their scale. Defaults to None: unknown.
        least: Hands of a smaller confidence stay unlabelled. Defaults to 0.0.

    Raises:
        ValueError: If the scale is invalid.
    """

    def __init__(
        self,
        infer: Infer,
        modality: str,
        folder: Path,
        description: Description,
        labelled_by: str,
        hand_scale_mm: float | None = None,
        least: float = 0.0,
    ) -> None:
        KnownHand(hand_scale_mm=hand_scale_mm)  # checks it once, not with each line
        self._infer, self._depth, self._folder = infer, modality == 'depth', folder
        self._about, self._by = description, labelled_by
        self._scale, self._least = hand_scale_mm, least

    def label(self, text: bytes, where: str) -> tuple[dict, bool]:
        """Return a line's object with predicted joints, and whether it is one that the network was asked for.

        Args:
            text: The line.
            where: File and line number, for errors.

        Raises:
            OSError: If its image can't be read.
            NotForThisNetwork: If the network can't label any line, or not with the scale.
            ValueError: If the line is wrong, or the hand can't be found in the image; names the line or the image.
        """
        said = parse_json(text, where)
        line = read_line(text, where, self._about.joints, ['depth' if self._depth else 'image'])
        if 'joints_3d' in line or 'joints_2d' in line:
            return said, False
        known = self._known(line)
        path = os.path.join(self._folder, line['depth' if self._depth else 'image'])
        hand = self._predict(path, known)
        keypoints = np.asarray(hand['keypoints'], np.float64)
        if keypoints.shape != (NUM_JOINTS, 2):
            raise NotForThisNetwork(
                f'the network predicts {len(keypoints)} joints, expected {NUM_JOINTS}: choose another'
            )
        joints = _in_space(hand, line)
        confidence = self._agreement(path, known, hand) * self._fit(path, joints, line)
        said |= {CONFIDENCE: round(confidence, 4), LABELLED_BY: self._by}
        if confidence >= self._least:
            said.pop('joints_3d', None), said.pop('joints_2d', None)
            key, values = ('joints_2d', keypoints) if joints is None else ('joints_3d', joints)
            said[key] = np.round(values[list(self._about.joints)], 3).tolist()
        return said, True

    def _predict(self, path: str, known: dict) -> dict:
        """Return the predicted hand; a camera that the network has no use for is removed from what is known."""
        try:
            return self._infer(path, **known)
        except NotForThisNetwork:
            if known['camera'] is None or self._scale is not None:
                raise
        known['camera'] = None  # the lines have it for other uses than that of a 2D network
        return self._infer(path, **known)

    def _known(self, line: Mapping) -> dict:
        """Return what a line gives of its hand, as arguments of the inferencer."""
        known = dict(side=line['side'], camera=line.get('K'), hand_scale_mm=self._scale)
        if 'box' in line:
            low, high = line['box'][:2], line['box'][2:]
            known['box'] = (*low.tolist(), *(high - low).tolist())
        if self._depth:
            known['depth_unit'] = self._about.depth_unit
            if 'center' in line:
                known['root'] = (*project(line['center'], line).tolist(), float(line['center'][2]))
        return known

    def _agreement(self, path: str, known: Mapping, hand: Mapping) -> float:
        """Return how well predictions in shifted crops agree with the first, from 0 to 1."""
        box, shape = known.get('box'), _shape_of(hand)
        if box is None:
            low, high = hand['keypoints'].min(0), hand['keypoints'].max(0)
            box = (*low.tolist(), *(high - low).tolist())
        middle, side = np.array(box[:2]) + np.array(box[2:]) / 2, max(box[2:])
        deviations = []
        for dx, dy, zoom in _SHIFTS:
            size = np.array(box[2:]) * zoom
            corner = middle + np.array([dx, dy]) * side - size / 2
            moved = dict(known, box=(*corner.tolist(), *size.tolist()))
            moved.pop('root', None)
            try:
                other = self._infer(path, **moved)
            except ValueError:  # nothing is found in the shifted box
                return 0.0
            extent = max(np.ptp(shape, axis=0).max(), 1e-9)
            deviations.append(np.linalg.norm(_shape_of(other) - shape, axis=-1).mean() / extent)
        return float(np.exp(-np.mean(deviations) / _AGREEMENT))

    def _fit(self, path: str, joints: np.ndarray | None, line: Mapping) -> float:
        """Return the share of the joints that may lie under the depth's surface; 1 without depth or 3D joints."""
        if not self._depth or joints is None:
            return 1.0
        depth = DepthFormat(unit=self._about.depth_unit).read(path)
        u, v = np.rint(project(joints, line)).astype(int).T
        inside = (u >= 0) & (v >= 0) & (u < depth.shape[1]) & (v < depth.shape[0])
        behind = joints[inside, 2] - depth[v[inside], u[inside]]
        return float(((behind > _SKIN[0]) & (behind < _SKIN[1])).sum() / len(joints))


def _shape_of(hand: Mapping) -> np.ndarray:
    """Return what a network predicts itself: the hand in space, (21, 3), from its joint 0, or its pixels, (21, 2).

    The pixels of a hand in space are derived from the given box, and would move with it.
    """
    found = hand['keypoints'] if hand.get('keypoints_3d') is None else hand['keypoints_3d']
    return np.asarray(found, np.float64)


def _in_space(hand: Mapping, line: Mapping) -> np.ndarray | None:
    """Return the joints in the camera's frame, (21, 3), mm; None if the network and the line don't determine them."""
    if hand.get('keypoints_cam') is not None:
        return np.asarray(hand['keypoints_cam'], np.float64)
    if hand.get('keypoints_3d') is None or hand['unit'] != 'mm' or 'K' not in line:
        return None
    # The translation t for which the shape s projects to its pixels: f (s_x + t_x) = (u - c) (s_z + t_z).
    shape, pixels = np.asarray(hand['keypoints_3d'], np.float64), np.asarray(hand['keypoints'], np.float64)
    rays = np.concatenate([pixels, np.ones((len(pixels), 1))], 1) @ np.linalg.inv(line['K']).T
    system = np.zeros((2 * len(shape), 3))
    system[::2, 0] = system[1::2, 1] = 1
    system[::2, 2], system[1::2, 2] = -rays[:, 0], -rays[:, 1]
    right = np.stack([rays[:, 0] * shape[:, 2] - shape[:, 0], rays[:, 1] * shape[:, 2] - shape[:, 1]], 1).reshape(-1)
    placed = shape + np.linalg.lstsq(system, right, rcond=None)[0]
    return placed if (placed[:, 2] > 0).all() else None


def finished_lines(path: Path, source: Path, labelled_by: str) -> int:
    """Return the number of lines that an interrupted run has written, after removing an unfinished last one.

    Args:
        path: The file that is written.
        source: The file that is labelled.
        labelled_by: Name of config and checkpoint.

    Raises:
        ValueError: If the file is of another source, config or checkpoint; names it and the line.
    """
    if not path.exists():
        return 0
    content = path.read_bytes()
    whole = content.rfind(b'\n') + 1
    if whole < len(content):
        os.truncate(path, whole)
    sources, count = numbered_lines(source), 0
    for number, _, text in numbered_lines(path) if whole else ():
        done = parse_json(text, f'{path}:{number}')
        begun = parse_json(next(sources, (0, 0, b'null'))[2], str(source))
        if not _continues(done, begun, labelled_by):
            raise ValueError(
                f'{path}:{number} is not the line of {source} with labels by {labelled_by!r}: delete the file, or '
                'choose another --out'
            )
        count += 1
    return count


def _continues(done: object, begun: object, labelled_by: str) -> bool:
    """Whether a line is another one as it is, or with predicted labels."""
    if done == begun or not isinstance(done, dict) or not isinstance(begun, dict):
        return done == begun
    rest = ({key: value for key, value in line.items() if key not in _WRITTEN} for line in (done, begun))
    return done.get(LABELLED_BY) == labelled_by and next(rest) == next(rest)


def write_lines(path: Path, lines: Iterable[dict]) -> None:
    """Append lines to a file, each as soon as it is made; without the first one there is no new file.

    Raises:
        OSError: If the file can't be written; names it.
    """
    lines = iter(lines)
    first = list(islice(lines, 1))
    with open(path, 'ab', buffering=0) as file:
        for line in chain(first, lines):
            with naming(path):
                write_fully(file, json.dumps(line).encode() + b'\n')
