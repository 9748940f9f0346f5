"""Writes rendered hands as RHD v1.1, the Rendered Hand Pose data set (Zimmermann and Brox, ICCV 2017)."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from handkd.geometry import project
from handkd.hand import JOINT_INDEX, PALM_PARTS, SIDES, other_side

from ..sample import split_number
from .frames import save_image
from .photograph import Camera, Photograph, overlay, photograph

_SPLITS = {'training': 'train', 'evaluation': 'test'}
"""Folder -> split of the studio."""
_SIZE = 320
_FAR = 5.0
"""Depth (m) of the largest 16-bit value."""

_FINGERS = {
    'thumb': ('tip', 'ip', 'mcp', 'cmc'),
    'index': ('tip', 'dip', 'pip', 'mcp'),
    'middle': ('tip', 'dip', 'pip', 'mcp'),
    'ring': ('tip', 'dip', 'pip', 'mcp'),
    'little': ('tip', 'dip', 'pip', 'mcp'),
}
"""Joints of the fingers in the file's order: from the tip to the palm."""
_ORDER = ['wrist', *(f'{finger}_{joint}' for finger, joints in _FINGERS.items() for joint in joints)]
_ROWS = [JOINT_INDEX[name] for name in _ORDER]
"""handkd's joint in each of one hand's 21 rows; the left hand comes first."""

_PERSON = 1
_FIRST_CLASS = {'left': 2, 'right': 18}
"""Mask value of the thumb's last segment."""
_PALM_CLASS = 15
"""Mask value of the palm, counted from the hand's first."""

_WINDOW = 3
"""Half the side (px) of the window around a joint in which its segments are counted, and the number of pixels that
make the joint visible. The authors count, but do not state the window."""
_ENOUGH = 5

_BARE = {'stick': 0.0, 'front': 0.0}
"""People hold nothing in this data set."""


def write_rhd(out: Path, num: int, seed: int) -> Iterator[dict]:
    """Write ``training/`` and ``evaluation/``: colour, depth and mask images, and ``anno_*.pickle``.

    Of three images one shows both hands, one the left and one the right alone; the labels always have both, and the
    hand that is not shown is far outside the image. Depth is 0 outside the person.

    Args:
        out: Folder to write into: the real one is named ``RHD_published_v2``.
        num: Images in each split.
        seed: Seed of the studio.

    Yields:
        One image's truth, of the hand with more pixels (the right one if they are equal): ``split`` is 'training' or
        'evaluation'. Besides the usual keys: ``keypoints_visible`` (21,) bool.

    Raises:
        OSError: If a file can't be written.
    """
    for split, studio_split in _SPLITS.items():
        annotations = {}
        for frame in range(num):
            hands = _shoot(frame, seed, studio_split)
            image, depth, owner = overlay([hands[side] for side in SIDES])
            mask = _mask(hands, owner)
            annotations[frame] = _annotation(hands, mask)
            yield _save(out, split, frame, (image, depth, mask), hands, owner)
        path = out / split / f'anno_{split}.pickle'
        path.write_bytes(pickle_as_numpy1(annotations))


def _shoot(frame: int, seed: int, split: str) -> dict[str, Photograph]:
    """Photograph the two hands of a person, each separately."""
    rng = np.random.default_rng((seed, split_number(split), frame))
    focal = round(rng.uniform(260, 310), 1)
    camera = Camera(np.array([[focal, 0, 160.0], [0, focal, 160.0], [0, 0, 1]]), (_SIZE, _SIZE))
    hands = {}
    for k, side in enumerate(SIDES):
        shown = frame % 3 == 0 or side == SIDES[frame % 3 - 1]
        away = (-1) ** (k + 1)
        across = away * (rng.uniform(50, 130) if frame % 3 == 0 else 0 if shown else 1200)
        center = (across + rng.uniform(-40, 40), rng.uniform(-80, 80), rng.uniform(400, 750))
        hands[side] = photograph(
            2 * frame + k, seed, split, side, [camera], center, scenery=2 * frame, randomisation=_BARE
        )[0]
    return hands


def _classes(side: str) -> dict[int, int]:
    """Part of the hand -> mask value."""
    first = _FIRST_CLASS[side]
    table = dict.fromkeys(PALM_PARTS, first + _PALM_CLASS)
    for f, (finger, joints) in enumerate(_FINGERS.items()):
        for segment, joint in enumerate(joints[:3]):  # the segment that ends in this joint
            table[JOINT_INDEX[f'{finger}_{joint}']] = first + 3 * f + segment
    return table


def _mask(hands: dict[str, Photograph], owner: np.ndarray) -> np.ndarray:
    """Class ids (H, W) uint8."""
    mask = np.zeros(owner.shape, np.uint8)
    for k, side in enumerate(SIDES):
        table = np.full(256, _PERSON, np.uint8)
        for part, value in _classes(side).items():
            table[part] = value
        mask[owner == k] = table[hands[side].part_seg[owner == k]]
    return mask


def _visible(photo: Photograph, mask: np.ndarray) -> np.ndarray:
    """Visible joints of a hand, (21,) bool: with enough pixels of their adjacent segments around them."""
    table, visible = _classes(photo.hand_side), np.zeros(21, bool)
    palm = _FIRST_CLASS[photo.hand_side] + _PALM_CLASS
    for joint, (u, v) in enumerate(np.round(photo.keypoints).astype(int)):
        if 0 <= u < _SIZE and 0 <= v < _SIZE:
            onwards = joint + 1 if joint and joint % 4 else joint  # the next segment of the finger, if there is one
            own = {table[joint], table[onwards]} if joint else {palm}
            window = mask[max(v - _WINDOW, 0) : v + _WINDOW + 1, max(u - _WINDOW, 0) : u + _WINDOW + 1]
            visible[joint] = np.isin(window, list(own)).sum() >= _ENOUGH
    return visible


def _annotation(hands: dict[str, Photograph], mask: np.ndarray) -> dict[str, np.ndarray]:
    """The labels of an image: four significant digits, float32."""
    xyz = np.concatenate([hands[side].keypoints_cam[_ROWS] for side in SIDES]) / 1000
    camera = hands['left'].camera
    visible = np.concatenate([_visible(hands[side], mask)[_ROWS] for side in SIDES])
    uv = _round(project(xyz, camera))
    return {
        'xyz': _round(xyz).astype(np.float32),
        'uv_vis': np.column_stack([uv, visible]).astype(np.float32),
        'K': camera['K'].astype(np.float32),
    }


def _round(values: np.ndarray) -> np.ndarray:
    """Round to four significant digits."""
    digits = 10.0 ** (3 - np.floor(np.log10(np.abs(values) + 1e-12)))
    return np.round(values * digits) / digits


def _save(
    out: Path,
    split: str,
    frame: int,
    images: tuple[np.ndarray, np.ndarray, np.ndarray],
    hands: dict[str, Photograph],
    owner: np.ndarray,
) -> dict:
    """Write an image's files and return its truth."""
    image, depth, mask = images
    count = {side: np.isin(mask, list(_classes(side).values())).sum() for side in SIDES}
    side = 'left' if count['left'] > count['right'] else other_side('left')
    photo, mine = hands[side], owner == SIDES.index(side)
    value = np.minimum(np.round(depth / 1000 / _FAR * 65535), 65535).astype(np.uint16)
    blue, green, red = np.zeros_like(mask), (value & 255).astype(np.uint8), (value >> 8).astype(np.uint8)
    pictures = {'color': image, 'depth': np.stack([blue, green, red], -1), 'mask': mask}
    paths = {kind: save_image(out, f'{split}/{kind}/{frame:05d}.png', pixels) for kind, pixels in pictures.items()}
    parts = np.where(mine, photo.part_seg, 0).astype(np.uint8)
    return photo.truth(split, paths['color'], paths['depth'], paths['mask']) | {
        'img': image,
        'depth': depth,
        'part_seg': parts,
        'hand_mask': parts > 0,
        'keypoints_visible': _visible(photo, mask),
    }


def pickle_as_numpy1(value: object) -> bytes:
    """Pickle as Python 3 with NumPy 1 did, protocol 3: NumPy 2 moved the functions that rebuild arrays."""
    return pickle.dumps(value, protocol=3).replace(b'cnumpy._core.multiarray\n', b'cnumpy.core.multiarray\n')
