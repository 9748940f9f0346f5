"""Make what the page is tested with: an exported student, pictures, and the joints that Python finds in them.

python web/tests/make_cases.py FOLDER

FOLDER gets student.onnx, the pictures, and cases.json: for each case the network, the picture's file, what the user
says ('marked', 'side', 'scale'), and Python's record, from the network in torch; and left.onnx, for cases of one side.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.config import Config
from PIL import Image

from handkd.commands.export import main as export
from handkd.config import load_config
from handkd.inference.inferencer import HandInferencer
from handkd.inference.onnx_metadata import open_onnx
from handkd.inference.records import to_json
from handkd.registry import MODELS

CONFIG = Path(__file__).resolve().parents[2] / 'configs/pmd/resnet18half_studio.py'
NARROW = {'model.student.backbone.base_channels': 16, 'model.student.head.in_channels': 128}
"""Overrides of the config: a quarter of the weights, for a short test."""
MARKED = 0.7
"""Side of the square of the button 'Mark the hand' over the picture's shorter side."""
ORIENTATION = 0x0112
"""EXIF's tag of a picture's orientation."""


def main(folder: Path) -> None:
    """Write the student, the pictures and the cases."""
    folder.mkdir(parents=True, exist_ok=True)
    config = load_config(CONFIG, NARROW)
    checkpoint = folder / 'student.pth'
    write_weights(config, checkpoint)
    write_pictures(folder)
    crops = folder / 'crops'
    crops.mkdir(exist_ok=True)
    cv2.imwrite(str(crops / 'crop.png'), picture(64, 64, 0))
    student = folder / 'student.onnx'
    options = [f'{key}={value}' for key, value in NARROW.items()]
    export([str(CONFIG), str(checkpoint), '--out', str(student), '--images', str(crops), '--cfg-options', *options])
    # The same network, as if it was trained on left hands only; the text is as long, so the file stays valid.
    one_sided = student.read_bytes().replace(b'"trained_on": "both"', b'"trained_on": "left"')
    (folder / 'left.onnx').write_bytes(one_sided)
    infer = dict(student=HandInferencer(config, checkpoint, 'cpu'), left=HandInferencer(folder / 'left.onnx'))
    _, metadata = open_onnx(student)
    crop = metadata.crop
    cases = [*(dict(case, network='student') for case in CASES), *(dict(case, network='left') for case in ONE_SIDED)]
    room = crop['factor'] * crop['margin']
    (folder / 'cases.json').write_text(
        json.dumps([expect(infer[case['network']], folder, case, room) for case in cases])
    )


def write_weights(config: Config, checkpoint: Path) -> None:
    """Write random weights under which other pixels give other joints; trained ones would take minutes."""
    torch.manual_seed(0)
    network = MODELS.build(config.model.student).train()
    for layer in network.modules():
        if isinstance(layer, torch.nn.Linear):
            torch.nn.init.normal_(layer.weight, std=layer.in_features**-0.5)
        elif isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = 1.0  # the statistics of the pictures below, so that features differ between pictures
    pictures = np.stack([picture(64, 64, seed) for seed in range(32)])
    network(dict(rgb=torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 64 - 2))
    torch.save(dict(state_dict=network.state_dict()), checkpoint)


def picture(width: int, height: int, seed: int) -> np.ndarray:
    """Return smooth random colours with fine structure, BGR, uint8, shape (height, width, 3)."""
    random = np.random.default_rng(seed)
    grids = (random.random((n, n, 3)) for n in (5, 40))
    coarse, fine = (cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC) for grid in grids)
    return (255 * np.clip(0.75 * coarse + 0.25 * fine, 0, 1)).astype(np.uint8)


def write_pictures(folder: Path) -> None:
    """Write one picture of every kind that the page must read as Python does."""
    for name, width, height in (('wide.jpg', 640, 480), ('tall.png', 300, 420), ('tiny.png', 40, 50)):
        cv2.imwrite(str(folder / name), picture(width, height, width))
    cv2.imwrite(str(folder / 'large.jpg'), picture(2000, 1500, 1))
    cv2.imwrite(str(folder / 'grey.jpg'), picture(320, 240, 2)[..., 0])
    for orientation in (3, 6):  # upside down, and a quarter turn
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        turned = Image.fromarray(picture(320, 200, orientation)[..., ::-1])
        turned.save(folder / f'turned_{orientation}.jpg', exif=exif, quality=95)
    whole = (folder / 'wide.jpg').read_bytes()
    (folder / 'cut_off.jpg').write_bytes(whole[: len(whole) // 2])
    (folder / 'notes.jpg').write_text('This is a text.\n')


CASES = [
    *(dict(file=file) for file in ('wide.jpg', 'tall.png', 'tiny.png', 'large.jpg', 'grey.jpg')),
    *(dict(file=f'turned_{orientation}.jpg') for orientation in (3, 6)),
    dict(file='wide.jpg', scale=92.5),
    dict(file='tall.png', scale=80, side='left', marked=True),
    dict(file='turned_6.jpg', scale=100, side='right', marked=True),
]
ONE_SIDED = [dict(file='wide.jpg', side='right'), dict(file='tall.png')]
"""Cases of a network trained on left hands: a right one is mirrored, one of unknown side taken for a left one."""


def expect(infer: HandInferencer, folder: Path, case: dict, room: float) -> dict:
    """Return a case with Python's record of it; a marked square is ``room`` times as large as the hand's box."""
    path, box = folder / case['file'], 'full'
    if case.get('marked'):
        height, width = infer.read(path).shape
        edge = MARKED * min(width, height) / room
        box = ((width - 1 - edge) / 2, (height - 1 - edge) / 2, edge, edge)
    (record,) = infer(path, box, side=case.get('side'), hand_scale_mm=case.get('scale'))
    return dict(case, record=json.loads(to_json(record)))


if __name__ == '__main__':
    main(Path(sys.argv[1]))
