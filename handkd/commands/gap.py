"""Measure trained networks on photographs that they were not trained on, with and without labels.

handkd gap photos.json --model student.onnx [other.onnx ...] [--sheet gap.png] [--json gap.json]

photos.json lists photographs of one hand each (handkd/apis/labelled_photos.py): "file", "keypoints" in px, and
optionally "keypoints_cam" in mm, "box" and "side". The first rows are errors, in the image in % of the longer side of
the box. "changes with" rows need no labels: how far the joints move in the hand when the image is rotated or
mirrored, or the box scaled or shifted. The last rows are the shares of bones and joint angles that none of the studio's
hands has. docs/gap.md explains each. A few photographs show kinds of failure; they are too few to choose between
networks.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from handkd.apis.cli import prepare_file
from handkd.apis.domain_gap import HandNorms, measure_gap
from handkd.apis.labelled_photos import LabelledPhoto, read_photos
from handkd.files import write_atomically
from handkd.image_files import read_picture
from handkd.inference.inferencer import HandInferencer
from handkd.studio import StudioDataset
from handkd.visualization import Table, contact_sheet, draw_skeleton, draw_skeleton_3d, text_table, write_picture

_TILE = 224
_STUDIO_HANDS = 3000


def main(argv: list[str] | None = None) -> None:
    """Parse the arguments, measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('photos', nargs='+', help='JSON lists of photographs')
    parser.add_argument(
        '--model', nargs='+', metavar='FILE', default=[None], help='exported networks; default: the shipped student'
    )
    parser.add_argument('--sheet', metavar='FILE', help='picture of the predictions over the labels, which are grey')
    parser.add_argument('--json', metavar='FILE', help='figures by model')
    args = parser.parse_args(argv)
    for option in ('sheet', 'json'):
        if getattr(args, option):
            prepare_file(getattr(args, option), f'--{option}')
    photos = [photo for path in args.photos for photo in read_photos(path)]
    networks = {name: HandInferencer(model) for name, model in _names(args.model).items()}
    norms = studio_norms()
    measured = {name: measure_gap(network, photos, norms) for name, network in networks.items()}
    rows = list(dict.fromkeys(row for figures, _ in measured.values() for row in figures))
    cells = [[row, *(_cell(figures.get(row)) for figures, _ in measured.values())] for row in rows]
    print(text_table(Table([f'{len(photos)} photographs', *measured], cells)))
    if args.json:
        figures = {name: dict(figures) for name, (figures, _) in measured.items()}
        write_atomically(args.json, (json.dumps(figures, indent=2) + '\n').encode())
    if args.sheet:
        write_picture(args.sheet, gap_sheet(photos, {name: hands for name, (_, hands) in measured.items()}))


def studio_norms(hands: int = _STUDIO_HANDS) -> HandNorms:
    """Return the norms of the first hands of the studio's training split.

    Args:
        hands: Their number. Defaults to 3000.
    """
    data = StudioDataset(split='train', length=hands, modalities=())
    labels = [data.get_labels(i) for i in range(hands)]
    joints = np.concatenate([one['keypoints_cam'] for one in labels])
    return HandNorms.of(joints, np.array([one['hand_side'] == 'left' for one in labels]))


def gap_sheet(photos: Sequence[LabelledPhoto], hands: dict[str, Sequence[dict]]) -> np.ndarray:
    """Return a row per photograph: each network's joints over the labels (grey), and its hand in space.

    Args:
        photos: The photographs.
        hands: Name of a network -> its hand in each photograph.

    Returns:
        BGR, uint8, shape (H, W, 3).
    """
    tiles, captions = [], []
    for i, photo in enumerate(photos):
        for found in hands.values():
            tiles += [_overlay(photo, found[i]), _in_space(found[i])]
            captions += [
                photo.path.name + (', no truth' if photo.guessed else ''),
                f'{found[i]["side"]}, front' if found[i]['side'] else '',
            ]
    headers = [text for name in hands for text in (name, '')]
    return contact_sheet(tiles, 2 * len(hands), _TILE, captions, headers)


def _overlay(photo: LabelledPhoto, hand: dict) -> np.ndarray:
    """Return the surroundings of a hand's box, with predicted and labelled joints."""
    pixels = read_picture(photo.path)
    center, side = photo.square
    low = np.maximum(np.floor(center - 0.9 * side), 0).astype(int)
    high = np.minimum(np.ceil(center + 0.9 * side), pixels.shape[1::-1]).astype(int)
    part = np.ascontiguousarray(pixels[low[1] : high[1], low[0] : high[0]])
    return draw_skeleton(part, hand['keypoints'] - low, photo.keypoints - low, min_size=_TILE)


def _in_space(hand: dict) -> np.ndarray:
    """Return a hand in space, seen along the camera; an empty tile for a network in the image."""
    if hand['keypoints_3d'] is None:
        return np.full((_TILE, _TILE, 3), 255, np.uint8)
    return draw_skeleton_3d(hand['keypoints_3d'], 'front', size=_TILE)


def _names(models: Sequence[str | None]) -> dict[str, str | None]:
    """Return the models by the names of their files, or by their paths where two files have the same name."""
    stems = ['shipped' if model is None else Path(model).stem for model in models]
    return {stem if stems.count(stem) == 1 else str(model): model for stem, model in zip(stems, models)}


def _cell(value: float | None) -> str:
    return '-' if value is None else f'{value:.1f}'
