"""Writes rendered hands as FreiHAND in MMPose's form: the owners' files, and the annotations that MMPose adds.

MMPose's ``FreiHandDataset`` reads ``annotations/freihand_*.json``, in COCO's form.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from .freihand import write_freihand

_LISTS = {'training': ('train',), 'evaluation': ('val', 'test')}
"""Folder of images -> names of the lists of its annotations."""


def write_freihand_mmpose(out: Path, num: int, seed: int) -> Iterator[dict]:
    """Write what :func:`write_freihand` writes, and ``annotations/freihand_train.json``, ``_val.json``, ``_test.json``.

    Unlike in MMPose's own lists, which divide the images of ``training`` at random, no hand is in two of the three
    parts: 'train' lists all of ``training``, and 'val' and 'test' both list ``evaluation``. As in them, boxes are those
    of the hands' masks, which ``FreiHandDataset`` does not read: its boxes are the whole images. All joints count as
    visible.

    Args:
        out: Folder to write into: MMPose's configs name it ``data/freihand``.
        num: Hands in each split, of four images each in ``training``.
        seed: Seed of the studio.

    Yields:
        The truth of one image, as :func:`write_freihand`.

    Raises:
        OSError: If a file can't be written.
    """
    lists = {split: {'images': [], 'annotations': []} for split in _LISTS}
    for truth in write_freihand(out, num, seed):
        _append(lists[truth['split']], truth)
        yield truth
    folder = out / 'annotations'
    folder.mkdir()
    for split, names in _LISTS.items():
        text = json.dumps({**lists[split], 'categories': [{'id': 1, 'name': 'hand', 'supercategory': 'hand'}]})
        for name in names:
            (folder / f'freihand_{name}.json').write_text(text)


def _append(entries: dict[str, list], truth: dict) -> None:
    """Append an image's entry and its hand's: box (x, y, width, height), joints 21 x (x, y, 1), px of the image."""
    number = int(Path(truth['img_path']).stem)
    height, width = truth['img'].shape[:2]
    entries['images'].append({'file_name': truth['img_path'], 'height': height, 'width': width, 'id': number})
    rows, columns = np.nonzero(truth['hand_mask'])
    corner = [int(columns.min()), int(rows.min())]
    size = [int(columns.max()) - corner[0] + 1, int(rows.max()) - corner[1] + 1]
    joints = np.column_stack([truth['keypoints'], np.ones(len(truth['keypoints']))])
    entries['annotations'].append(
        {
            'bbox': corner + size,
            'keypoints': joints.ravel().tolist(),
            'category_id': 1,
            'id': number,
            'image_id': number,
            'segmentation': [_outline(*corner, *size)],
            'iscrowd': 0,
            'area': size[0] * size[1],
        }
    )


def _outline(x: int, y: int, width: int, height: int) -> list[int]:
    """Return a box as a polygon, x and y of each corner in px of the image."""
    right, bottom = x + width - 1, y + height - 1
    return [x, y, x, bottom, right, bottom, right, y]
