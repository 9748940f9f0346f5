"""Writes rendered hands as FreiHAND, version 2 (Zimmermann et al., ICCV 2019): crops of right hands and JSON lists.

Left out are the shapes and vertices of the MANO model (``*_mano.json``, ``*_verts.json``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from handkd.hand import JOINT_INDEX

from ..sample import split_number
from .frames import save_image
from .photograph import Camera, Photograph, photograph

_SPLITS = {'training': ('train', 4), 'evaluation': ('test', 1)}
"""Folder -> split of the studio, and number of copies of each image."""
_SIDE = 224
_GREEN = (60, 170, 50)
"""Colour of the screen, BGR."""
_REACH = ((-25.0, -25.0, 520.0), (25.0, 25.0, 760.0))
"""Corners of the box (mm, camera frame) of hand positions."""
_SCENERIES = 10_000
"""Distance between the studio's samples whose backgrounds and light two copies have."""


def write_freihand(out: Path, num: int, seed: int) -> Iterator[dict]:
    """Write ``training/rgb``, ``training/mask``, ``evaluation/rgb`` and the lists ``training_K.json`` and so on.

    Training image i + k ``num`` is copy k of hand i: the first in front of a green screen, with a mask; the others in
    three other surroundings.

    Args:
        out: Folder to write into: the real one is named ``FreiHAND_pub_v2``.
        num: Hands in each split.
        seed: Seed of the studio.

    Yields:
        The truth of one image; ``split`` is 'training' or 'evaluation'. Besides the usual keys: ``copy`` (0 to 3) and
        ``bone_length``, that of the middle finger's proximal phalanx, mm.

    Raises:
        OSError: If a file can't be written.
    """
    for split, (studio_split, copies) in _SPLITS.items():
        lists = {'K': [], 'xyz': [], 'scale': []}
        for copy in range(copies):
            for hand in range(num):
                photo = _shoot(hand, seed, studio_split, copy if copies > 1 else None)
                name = f'{hand + num * copy:08d}.jpg'
                image = save_image(out, f'{split}/rgb/{name}', photo.image)
                mask = None
                if copies > 1 and copy == 0:
                    mask = save_image(out, f'{split}/mask/{name}', (photo.part_seg > 0).astype(np.uint8) * 255)
                if copy == 0:
                    _append(lists, photo)
                bone = 1000 * lists['scale'][hand]
                yield photo.truth(split, image, mask_path=mask) | {'copy': copy, 'bone_length': bone}
        for kind, entries in lists.items():
            (out / f'{split}_{kind}.json').write_text(json.dumps(entries))


def _shoot(hand: int, seed: int, split: str, copy: int | None) -> Photograph:
    """Photograph a hand: copy 0 in front of the screen, the others, or None, in their own surroundings."""
    rng = np.random.default_rng((seed, split_number(split), hand))
    focal = round(rng.uniform(430, 560), 2)
    camera = Camera(np.array([[focal, 0, 112.0], [0, focal, 112.0], [0, 0, 1]]), (_SIDE, _SIDE))
    scenery = hand + _SCENERIES * (copy or 0)
    photo = photograph(hand, seed, split, 'right', [camera], rng.uniform(*_REACH), scenery=scenery)[0]
    return replace(photo, image=_before_screen(photo)) if copy == 0 else photo


def _before_screen(photo: Photograph) -> np.ndarray:
    """Replace the background of an image by the screen, with a soft outline; shape (224, 224, 3) uint8."""
    share = cv2.GaussianBlur(photo.arm.astype(np.float32), (3, 3), 0)[..., None]
    return np.round(share * photo.image + (1 - share) * np.array(_GREEN)).astype(np.uint8)


def _append(lists: dict[str, list], photo: Photograph) -> None:
    """Append a hand's entries: K in px, joints and the length of a bone in metres."""
    metres = photo.keypoints_cam / 1000
    base, joint = JOINT_INDEX['middle_mcp'], JOINT_INDEX['middle_pip']
    lists['K'].append(photo.camera['K'].tolist())
    lists['xyz'].append(metres.tolist())
    lists['scale'].append(float(np.linalg.norm(metres[base] - metres[joint])))
