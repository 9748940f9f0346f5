"""Writes rendered hands as InterHand2.6M (Moon et al., ECCV 2020): one or two hands of a person in a ring of cameras.

The world is one of the cameras', in mm: y points down, and the hands are a metre away. Left out are the parameters of
the MANO model, and the lists of subjects and joints beside the annotations.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from handkd.hand import JOINT_INDEX

from .frames import save_image
from .photograph import Camera, Photograph, overlay, photograph
from .rig import look_at

_SPLITS = {'train': ('train', 0), 'val': ('val', 8), 'test': ('test', 3)}
"""Split -> split of the studio, and number of its only capture."""
_SEQUENCES = {'interacting': '0390_dh_touchROM', 'right': '0007_thumbup_normal', 'left': '0115_rocker_backside'}
"""Hands -> name of the sequence that shows them."""
_CENTER = np.array([0.0, -40.0, 1050.0])
_HANDS = {'right': (-45.0, -40.0, 1050.0), 'left': (45.0, -40.0, 1050.0)}
"""Positions of the hands (mm, world), +- 15 mm: fingers of one often hide some of the other."""
_REFERENCE = Camera(np.diag([100.0, 100.0, 1.0]), (16, 16))
"""A camera with the world's axes, not in the rig: fixes the rotation of hands and light for all cameras."""
_PORTRAIT = (334, 512)
_FINGERS = {'thumb': ('tip', 'ip', 'mcp', 'cmc')} | dict.fromkeys(
    ('index', 'middle', 'ring', 'little'), ('tip', 'dip', 'pip', 'mcp')
)
_ROWS = [JOINT_INDEX[f'{finger}_{joint}'] for finger, joints in _FINGERS.items() for joint in joints]
_ROWS += [JOINT_INDEX['wrist']]
"""handkd's joint in each of one hand's 21 rows; the right hand comes first."""


def write_interhand(out: Path, num: int, seed: int, cameras: int = 4) -> Iterator[dict]:
    """Write ``images`` and ``annotations`` of three splits, each with one capture of one person.

    Of three frames one shows both hands, one the right and one the left alone. In every fourth frame the tip of the
    little finger has no label. Every second camera stands upright, the others are turned.

    Args:
        out: Folder to write into: the real one is named ``InterHand2.6M_5fps_batch1``.
        num: Frames of each split; each is ``cameras`` images.
        seed: Seed of the studio.
        cameras: Number of cameras. Defaults to 4.

    Yields:
        The truth of each hand in each image; ``split`` is 'train', 'val' or 'test'. Besides the usual keys:
        ``capture``, ``sequence``, ``frame``, ``view`` (place of the camera), ``hand_type`` and ``keypoints_valid``
        (21,) bool.

    Raises:
        OSError: If a file can't be written.
    """
    for number, (split, (studio_split, capture)) in enumerate(_SPLITS.items()):
        rng = np.random.default_rng((seed, number))
        rig = {f'{400002 + 10 * place}': _camera(place, cameras, rng) for place in range(cameras)}
        content, joints = {'images': [], 'annotations': []}, {}
        for index in range(num):
            kind = list(_SEQUENCES)[index % 3]
            place = dict(capture=capture, sequence=_SEQUENCES[kind], frame=2001 + 3 * index, hand_type=kind)
            valid = np.ones(21, bool)
            valid[JOINT_INDEX['little_tip']] = index % 4 != 3
            shoot = partial(_photograph_hands, kind, index, rng.uniform(-15, 15, (2, 3)), seed, studio_split, capture)
            for view, (name, camera) in enumerate(rig.items()):
                photos = shoot(camera)
                image, _, owner = overlay(list(photos.values()))
                file = f'Capture{capture}/{place["sequence"]}/cam{name}/image{place["frame"]}.jpg'
                path = save_image(out, f'images/{split}/{file}', image)
                _append(content, place, name, file, camera.size, photos, valid)
                for k, photo in enumerate(photos.values()):
                    parts = np.where(owner == k, photo.part_seg, 0).astype(np.uint8)
                    seen = replace(photo, image=image, part_seg=parts)
                    yield seen.truth(split, img_path=path) | place | {'view': view, 'keypoints_valid': valid}
            joints[str(place['frame'])] = _frame(kind, photos, valid)
        calibration = {str(capture): _calibration(rig)}
        _save(out, split, {'data': content, 'camera': calibration, 'joint_3d': {str(capture): joints}})


def _camera(place: int, count: int, rng: np.random.Generator) -> Camera:
    """Place a camera on a circle around the hands, half of them on their sides."""
    around, height = 2 * np.pi * (place + rng.uniform(-0.1, 0.1)) / max(count, 3), rng.uniform(-350, 150)
    eye = _CENTER + (1050 * np.sin(around), height, -1050 * np.cos(around))
    upright = place % 2 == 0
    size = _PORTRAIT if upright else _PORTRAIT[::-1]
    rotation, translation = look_at(eye, _CENTER, (0, 1, 0))
    fx, fy = np.round(rng.uniform(1240, 1280, 2), 4)
    cx, cy = np.round(np.divide(size, 2) + rng.uniform(-8, 8, 2), 4)
    return Camera(np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]]), size, rotation, translation)


def _photograph_hands(
    kind: str, index: int, shifts: np.ndarray, seed: int, split: str, person: int, camera: Camera
) -> dict[str, Photograph]:
    """Photograph the hands of a frame, each separately, in one scenery."""
    photos = {}
    for k, (side, place) in enumerate(_HANDS.items()):
        if kind in (side, 'interacting'):
            pair = [_REFERENCE, camera]
            center = np.array(place) + shifts[k]
            photos[side] = photograph(2 * index + k, seed, split, side, pair, center, scenery=0, person=person)[1]
    return photos


def _flags(kind: str, valid: np.ndarray, flag: type) -> list:
    """Return 'joint_valid', 42 lists of one flag, of the hands in an image."""
    return [[flag(kind in (side, 'interacting') and valid[row])] for side in _HANDS for row in _ROWS]


def _append(
    content: dict,
    place: dict,
    camera: str,
    file: str,
    size: tuple[int, int],
    photos: Mapping[str, Photograph],
    valid: np.ndarray,
) -> None:
    """Append an image and its annotation; the box is around the joints, and larger by a tenth."""
    number = len(content['images'])
    pixels = np.concatenate([photo.keypoints[valid] for photo in photos.values()])
    low, high = pixels.min(0), pixels.max(0)
    margin = (high - low) * 0.05
    content['images'].append(
        {
            'id': number,
            'file_name': file,
            'width': size[0],
            'height': size[1],
            'capture': place['capture'],
            'subject': place['capture'],
            'seq_name': place['sequence'],
            'camera': camera,
            'frame_idx': place['frame'],
        }
    )
    content['annotations'].append(
        {
            'id': number,
            'image_id': number,
            'bbox': [*(low - margin), *(high - low + 2 * margin)],
            'joint_valid': _flags(place['hand_type'], valid, int),
            'hand_type': place['hand_type'],
            'hand_type_valid': 1,
        }
    )


def _frame(kind: str, photos: Mapping[str, Photograph], valid: np.ndarray) -> dict:
    """Return a frame's entry: joints in the world, mm, which all photographs agree on."""
    world = np.zeros((2, 21, 3))
    for k, side in enumerate(_HANDS):
        if side in photos:
            photo = photos[side]
            points = (photo.keypoints_cam - photo.camera['T']) @ photo.camera['R']
            world[k] = np.where(valid[:, None], points, 0.0)[_ROWS]
    return {
        'world_coord': np.round(world.reshape(42, 3), 4).tolist(),
        'joint_valid': _flags(kind, valid, bool),
        'hand_type': kind,
        'hand_type_valid': True,
    }


def _calibration(rig: Mapping[str, Camera]) -> dict:
    """Return a capture's cameras: positions in the world, rotations to the camera, focal lengths and centres."""
    return {
        'campos': {name: (-camera.R.T @ camera.T).tolist() for name, camera in rig.items()},
        'camrot': {name: camera.R.tolist() for name, camera in rig.items()},
        'focal': {name: [camera.K[0, 0], camera.K[1, 1]] for name, camera in rig.items()},
        'princpt': {name: camera.K[:2, 2].tolist() for name, camera in rig.items()},
    }


def _save(out: Path, split: str, contents: Mapping[str, dict]) -> None:
    """Write the annotation files of a split."""
    folder = out / 'annotations' / split
    folder.mkdir(parents=True)
    for kind, content in contents.items():
        (folder / f'InterHand2.6M_{split}_{kind}.json').write_text(json.dumps(content))
