"""Writes rendered hands as BigHand2.2M and HANDS17: 16-bit depth images, joints in tab-separated text.

Layout and joint order are those of the data sets' README. Undocumented parts of the real files are left out: the
``ego`` folders, ``train_test_annotation`` and the unlabelled HANDS17 test images. The sets do not state the side of the
hands; here it is always right.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from handkd.hand import JOINT_INDEX

from .frames import save_image, spread
from .photograph import Camera, Photograph, photograph

_CAMERA = Camera(np.array([[475.065948, 0, 315.944855], [0, 475.065857, 245.287079], [0, 0, 1]]), (640, 480))
"""Intel RealSense SR300."""
_REACH = ((-90.0, -60.0, 330.0), (90.0, 60.0, 700.0))
"""Corners of the box (mm, camera frame) of hand positions: hands in it are entirely in the image."""

_ORDER = (
    'wrist',
    'thumb_cmc', 'index_mcp', 'middle_mcp', 'ring_mcp', 'little_mcp',
    'thumb_mcp', 'thumb_ip', 'thumb_tip',
    'index_pip', 'index_dip', 'index_tip',
    'middle_pip', 'middle_dip', 'middle_tip',
    'ring_pip', 'ring_dip', 'ring_tip',
    'little_pip', 'little_dip', 'little_tip',
)  # fmt: skip
"""handkd's names of Wrist, TMCP, IMCP, MMCP, RMCP, PMCP, TPIP, TDIP, TTIP, IPIP, IDIP, ITIP, MPIP, ..., PTIP."""

_VIEWS = ('1 75', '76 150', '151 225', '226 300', '301 375', '376 450', '451 496')
_FOLDERS = [(f'Subject_{n}', view) for n in range(1, 13) for view in (_VIEWS if n < 12 else _VIEWS[:1])]
_ANNOTATION = 'full_annotation/{}/{}_loc_shift_made_by_qi_20180112_v2.txt'
_README = 'Each line: number of the frame, then x, y and z (mm) of 21 joints. Some frames have no image.\n'


def write_bighand(out: Path, num: int, seed: int) -> Iterator[dict]:
    """Write BigHand2.2M (12 subjects of 7 views each, the last one of one view) and HANDS17's ``training/``.

    Every annotation file of BigHand2.2M also lists frames without an image (1, 5, 9, ...), as the real ones do. Depth
    is in mm, 0 without a surface.

    Args:
        out: Folder to write into.
        num: Frames of BigHand2.2M, of which each folder gets at least one, and frames of HANDS17.
        seed: Seed of the studio.

    Yields:
        One image's truth, without ``img_path``; ``split`` is 'full' or 'hands17'.

    Raises:
        OSError: If a file can't be written.
    """
    first = 0
    for (subject, view), count in zip(_FOLDERS, spread(num, len(_FOLDERS))):
        yield from _write_view(out, subject, view, range(first, first + count), seed)
        first += count
    (out / 'full_annotation/README.txt').write_text(_README)
    yield from _write_hands17(out, num, seed)


def _write_view(out: Path, subject: str, view: str, indices: Sequence[int], seed: int) -> Iterator[dict]:
    """Write one subject's images of one view and their annotation file."""
    lines, frame = [], 0
    for index in indices:
        photo = _shoot(index, 'train', seed)
        yield _save(out, f'{subject}/{view}/image_D{frame:08d}.png', photo, 'full')
        lines.append(_line(f'{frame:08d}', photo))
        frame += 1
        if frame % 4 == 1:  # labelled, but without an image
            lines.append(_line(f'{frame:08d}', photo))
            frame += 1
    annotation = out / _ANNOTATION.format(subject, view)
    annotation.parent.mkdir(parents=True, exist_ok=True)
    annotation.write_text('\n'.join(lines) + '\n')


def _write_hands17(out: Path, num: int, seed: int) -> Iterator[dict]:
    """Write the training images of HANDS17 and their annotation file."""
    lines = []
    for index in range(num):
        photo, name = _shoot(index, 'val', seed), f'image_D{index + 1:08d}.png'
        yield _save(out, f'training/images/{name}', photo, 'hands17')
        lines.append(_line(name, photo))
    (out / 'training/Training_Annotation.txt').write_text('\n'.join(lines) + '\n')


def _shoot(index: int, split: str, seed: int) -> Photograph:
    """Photograph a right hand somewhere in front of the camera."""
    center = np.random.default_rng((seed, index)).uniform(*_REACH)
    return photograph(index, seed, split, 'right', [_CAMERA], center)[0]


def _save(out: Path, name: str, photo: Photograph, split: str) -> dict:
    """Write a depth image and return its truth."""
    save_image(out, name, np.round(photo.depth).astype(np.uint16))
    return photo.truth(split, depth_path=name)


def _line(frame: str, photo: Photograph) -> str:
    """Return a line of an annotation: the frame and 63 numbers (mm), a tab after each."""
    joints = photo.keypoints_cam[[JOINT_INDEX[name] for name in _ORDER]]
    return '\t'.join([frame, *(f'{value:.4f}' for value in joints.ravel()), ''])
