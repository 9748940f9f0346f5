"""Writes rendered hands as CMU Panoptic: synchronised HD cameras in a dome, both hands of a person, JSON labels.

The world is the dome's: y points down, the floor is at 0, and files are in centimetres. Left out are
videos, faces, and the body except its wrists.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from .frames import save_image
from .photograph import Camera, Photograph, overlay, photograph
from .rig import look_at

_SEQUENCES = {'171026_pose1': 'train', '171204_pose5': 'test'}
"""One sequence per split; the second belongs to the test set of the MTC release."""
NVS_SEQUENCES = {'171026_pose3': 'train', '171204_pose2': 'train', '171026_pose2': 'test'}
"""The sequences of Mueller et al. 2020, section 3.1."""
_HANDS = {'left': (220.0, -1150.0, 0.0), 'right': (-220.0, -1150.0, 0.0)}
"""Positions of the hands (mm, world), +- 50 mm: the person looks along -z."""
_REFERENCE = Camera(np.diag([100.0, 100.0, 1.0]), (16, 16))
"""A camera with the world's axes, not in the dome: fixes the rotation of hands and light for all cameras."""
_WRISTS = {'left': 5, 'right': 11}
"""Row of each wrist among the body's 19 joints."""
_NO_JOINT = [0.0, 0.0, 0.0, -1.0]
_RING = 2450.0
"""Radius of the dome, mm."""


def write_panoptic(
    out: Path,
    num: int,
    seed: int,
    cameras: int = 31,
    sequences: Mapping[str, str] = _SEQUENCES,
    image_type: str = 'jpg',
) -> Iterator[dict]:
    """Write sequences, each of one person, with calibration, HD images, hands and body.

    Frame numbers have gaps. The second frame of a sequence, and then every third, has no ``left_hand``; in the frame
    after it the right hand has a score of 0: unusable. The images show both hands nevertheless. The first frame
    also has a person with ``id`` -1, which a reader must leave out.

    Args:
        out: Folder to write into.
        num: Frames of each sequence; each is ``cameras`` images.
        seed: Seed of the studio.
        cameras: Number of HD cameras, 1 to 31. Defaults to 31.
        sequences: Name -> 'train' or 'test'. Defaults to :data:`_SEQUENCES`: one of each.
        image_type: 'jpg' or 'png', both of which the owners' toolbox extracts. Defaults to 'jpg'.

    Yields:
        The truth of each usable hand in each image; ``split`` is 'train' or 'test'. Besides the usual keys:
        ``sequence``, ``frame``, ``view`` (node of the camera) and ``person`` (id).

    Raises:
        ValueError: If ``cameras`` is out of range.
        OSError: If a file can't be written.
    """
    if not 1 <= cameras <= 31:
        raise ValueError(f'cameras must be from 1 to 31, the number in the dome, found {cameras}')
    for number, (sequence, split) in enumerate(sequences.items()):
        rng = np.random.default_rng((seed, number))
        views = {node: _hd_camera(node, rng) for node in range(cameras)}
        for folder in ('hdHand3d', 'hdPose3d_stage1_coco19'):
            (out / sequence / folder).mkdir(parents=True)
        calibration = {'calibDataSource': sequence, 'cameras': _others() + [_entry(*view) for view in views.items()]}
        _save(out / sequence / f'calibration_{sequence}.json', calibration)
        shown = num * list(sequences.values())[:number].count(split)  # other hands than in the sequences before
        for index in range(num):
            shifts = rng.uniform(-50, 50, (2, 3))
            yield from _write_frame(out, split, sequence, index, shown + index, views, shifts, seed, number, image_type)


def _write_frame(
    out: Path,
    split: str,
    sequence: str,
    index: int,
    shown: int,
    views: dict[int, Camera],
    shifts: np.ndarray,
    seed: int,
    person: int,
    image_type: str,
) -> Iterator[dict]:
    """Write the images and labels of a frame, which shows the split's hands number ``shown``, of one person."""
    frame = 165 + 13 * index + index % 3
    unusable = {0: None, 1: 'left', 2: 'right'}[index % 3]
    for node, camera in views.items():
        photos = _photograph_hands(split, shown, camera, shifts, seed, person)
        image, _, owner = overlay(list(photos.values()))
        path = save_image(out, f'{sequence}/hdImgs/00_{node:02d}/00_{node:02d}_{frame:08d}.{image_type}', image)
        for k, (side, photo) in enumerate(photos.items()):
            if side != unusable:
                seen = replace(photo, image=image, part_seg=np.where(owner == k, photo.part_seg, 0).astype(np.uint8))
                extra = {'sequence': sequence, 'frame': frame, 'view': node, 'person': 0}
                yield seen.truth(split, img_path=path) | extra
    joints = {side: (photo.keypoints_cam - camera.T) @ camera.R / 10 for side, photo in photos.items()}
    _write_labels(out / sequence, index, frame, joints, unusable, list(views))


def _write_labels(
    folder: Path, index: int, frame: int, joints: dict[str, np.ndarray], unusable: str | None, nodes: list[int]
) -> None:
    """Write the hands and the body of a frame; ``joints`` (21, 3) of each side are in cm, world."""
    hands = {f'{side}_hand': _hand(points, nodes) for side, points in joints.items()}
    if unusable == 'left':
        del hands['left_hand']
    elif unusable == 'right':
        hands['right_hand']['averageScore'] = [0.0] * 21
    people = [{'id': 0, **hands}]
    if index == 0:
        people.insert(0, {'id': -1, 'left_hand': _hand(np.full((21, 3), -1.0), [])})
    wrists = {_WRISTS[side]: [*np.round(points[0], 4), 0.8] for side, points in joints.items()}
    body = {'id': 0, 'joints19': [value for k in range(19) for value in wrists.get(k, _NO_JOINT)]}
    _save(folder / f'hdHand3d/handRecon3D_hd{frame:08d}.json', {'people': people})
    _save(folder / f'hdPose3d_stage1_coco19/body3DScene_{frame:08d}.json', {'bodies': [body]})


def _photograph_hands(
    split: str, index: int, camera: Camera, shifts: np.ndarray, seed: int, person: int
) -> dict[str, Photograph]:
    """Photograph both hands, each separately, in one sequence's scenery."""
    photos = {}
    for k, (side, place) in enumerate(_HANDS.items()):
        pair = [_REFERENCE, camera]
        center = np.array(place) + shifts[k]
        photos[side] = photograph(2 * index + k, seed, split, side, pair, center, scenery=0, person=person)[1]
    return photos


def _hd_camera(node: int, rng: np.random.Generator) -> Camera:
    """Place an HD camera on the dome; its numbers have as many digits as those of the calibration file."""
    # Twelve positions further for the next node: the first few cameras are already all around.
    around, height = 2 * np.pi * (12 * node / 31 + rng.uniform(-0.01, 0.01)), rng.uniform(-2200, -400)
    eye = (_RING * np.sin(around), height, -_RING * np.cos(around))
    rotation, translation = look_at(eye, (0, -1100, 0), (0, 1, 0))
    fx, fy = 1400 + rng.uniform(-15, 15), 1400 + rng.uniform(-15, 15)
    cx, cy = 960 + rng.uniform(-20, 20), 540 + rng.uniform(-20, 20)
    lens = (-0.23, 0.2, 0.0, 0.0, -0.06) + rng.uniform(-1, 1, 5) * (0.03, 0.03, 0.001, 0.001, 0.02)
    matrix = np.round([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], 2)
    return Camera(matrix, (1920, 1080), rotation, np.round(translation, 4), np.round(lens, 6))


def _entry(node: int, camera: Camera) -> dict:
    """Return an HD camera's entry in the calibration file."""
    return _calibration('hd', camera.size, 0, node, camera.K, camera.dist, camera.R, camera.T / 10)


def _others() -> list[dict]:
    """Return entries of cameras that a reader must leave out: three VGA cameras and a Kinect."""
    matrix = np.array([[745.0, 0, 375], [0, 745.0, 226], [0, 0, 1]])
    pose = (np.zeros(5), np.eye(3), np.array([0.0, 100.0, 245.0]))
    vga = [_calibration('vga', (640, 480), panel, 1, matrix, *pose) for panel in (1, 2, 3)]
    return [*vga, _calibration('kinect-color', (1920, 1080), 50, 1, matrix, *pose)]


def _calibration(
    kind: str,
    size: tuple[int, int],
    panel: int,
    node: int,
    matrix: np.ndarray,
    lens: np.ndarray,
    rotation: np.ndarray,
    translation: np.ndarray,
) -> dict:
    """Return a camera in the form of a calibration file; the translation in cm."""
    return {
        'name': f'{panel:02d}_{node:02d}',
        'type': kind,
        'resolution': list(size),
        'panel': panel,
        'node': node,
        'K': matrix.tolist(),
        'distCoef': lens.tolist(),
        'R': rotation.tolist(),
        't': translation[:, None].tolist(),
    }


def _hand(joints: np.ndarray, nodes: list[int]) -> dict:
    """Return a hand in the form of a label file, from joints (21, 3) in cm, world, and the cameras that see it."""
    return {
        'landmarks': np.round(joints, 4).ravel().tolist(),
        'averageScore': [0.7] * 21,
        'averageReproError': [1.5] * 21,
        'validity': [1] * 21,
        'visibility': [nodes] * 21,
    }


def _save(path: Path, record: dict) -> None:
    """Write a JSON file."""
    path.write_text(json.dumps(record))
