"""A wheel of handkd alone, in an empty folder: its command, its configs by name, a training and its work dir."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import cv2
import numpy as np
import pytest

from .test_compat import HIDE

NETWORK = dict(
    type='HandPoseEstimator',
    backbone=dict(type='HandResNet', depth=18, stem='imagenet', base_channels=4),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='PMDHead',
        in_channels=32,
        codec=dict(type='RootRelativeXYZ', root='middle_mcp', scale_bone=('wrist', 'middle_mcp')),
    ),
)
SMALL = [
    'train_cfg.max_iters=2',
    'train_dataloader.batch_size=2',
    'train_dataloader.num_workers=0',
    'train_dataloader.persistent_workers=False',
    'test_dataloader.batch_size=2',
    'test_dataloader.num_workers=0',
    'test_dataloader.persistent_workers=False',
]
TRAIN, INFER = ['train', 'own.py'], ['infer', 'data/my_set/a.png', '--model', 'student.onnx']
OWN = f"""
_base_ = ['handkd::pmd/resnet34_folder.py']
model = dict(_delete_=True, **{NETWORK!r})
"""


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A folder with a tiny hand folder, under the path of configs/pmd/resnet34_folder.py, and a config of its own."""
    root = tmp_path_factory.mktemp('user')
    data = root / 'data' / 'my_set'
    data.mkdir(parents=True)
    cv2.imwrite(str(data / 'a.png'), np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8))
    cv2.imwrite(str(data / 'depth.png'), np.full((60, 80), 400, np.uint16))
    points = [[-20.0 + 2 * j, 10.0 - j, 400.0 + 20 * (j % 2)] for j in range(21)]
    line = dict(
        image='a.png', depth='depth.png', joints_3d=points, K=[[90, 0, 40], [0, 90, 30], [0, 0, 1]], side='left'
    )
    for split in ('train', 'test'):
        (data / f'{split}.jsonl').write_text(4 * (json.dumps(line) + '\n'))
    (root / 'own.py').write_text(OWN)
    return root


@pytest.fixture(scope='module')
def call(built, folder):
    """Return a function that runs Python in the folder with the wheel's package alone: its status and output."""

    def call_python(*words):
        env = {name: value for name, value in os.environ.items() if name != 'NUMBA_CACHE_DIR'}
        env |= {'PYTHONPATH': str(built.site), 'OMP_NUM_THREADS': '1'}
        done = subprocess.run([sys.executable, *map(str, words)], capture_output=True, text=True, env=env, cwd=folder)
        return done.returncode, done.stdout + done.stderr

    return call_python


def test_the_command_and_the_module_are_one(call, built):
    status, text = call('-m', 'handkd', '--help')
    assert status == 0 and 'train        Train a network from a config' in text
    assert call(built.site / 'bin' / 'handkd', '--help') == (0, text)
    status, text = call('-m', 'handkd', 'configs', 'LM')
    assert status == 0 and '  ekd/resnet50_lm ' in text and 'resnet34_rhd' not in text


def test_a_wrong_command_has_a_line_with_the_nearest(call):
    status, text = call('-m', 'handkd', 'trian')
    assert status == 2 and text.startswith("error: handkd: there is no 'trian'; did you mean 'train'?\n")


COMMANDS = """
import sys
from handkd.cli import main
for words in {commands!r}:
    try:
        main(words)
    except SystemExit as end:
        print('status', end.code, *words[:2])
"""


def test_configs_train_by_name_and_as_bases_and_their_copies_are_tested(call, folder):
    small = ['--cfg-options', *SMALL]
    own = ['train', 'own.py', '--no-validate', *small]
    named = ['train', 'pmd/resnet34_folder', '--baseline', '--no-validate', '--work-dir', 'named', *small]
    named.append(f'model.student={NETWORK!r}')
    copy = ['test', 'work_dirs/own/own.py', 'work_dirs/own/iter_2.pth', '--out', 'metrics.json', *small]
    commands = [own, named, copy, ['config', 'own.py'], ['train', 'wrong.py'], ['test', 'pmd/resnet34_foldr', 'x']]
    (folder / 'wrong.py').write_text("_base_ = 'handkd::pmd/resnet34_foldr.py'")
    _, text = call('-c', COMMANDS.format(commands=commands))
    assert text.count('status 0') == 4, text
    assert (folder / 'work_dirs/own/iter_2.pth').is_file() and (folder / 'named/iter_2.pth').is_file()
    assert json.loads((folder / 'metrics.json').read_text())
    assert 'handkd/configs/_base_/schedules/pmd.py' in text.partition('status 0 config')[0]  # where an entry comes from
    assert 'status 2 train wrong.py' in text and 'status 2 test pmd/resnet34_foldr' in text and 'Traceback' not in text
    assert text.count("none of this name in handkd; did you mean 'pmd/resnet34_folder'") == 2


@pytest.mark.parametrize(
    ('words', 'hidden', 'remedy'),
    [
        (TRAIN, ('mmcv', 'mmpose'), "handkd needs mmcv, mmpose: pip install --no-deps 'onedl-mmcv>=2"),
        (TRAIN, ('cv2',), "handkd needs OpenCV: pip install 'opencv-python-headless<"),
        (TRAIN, ('torch',), 'handkd needs torch: pip install torch'),
        (INFER, ('tqdm',), 'handkd needs tqdm: pip install tqdm'),
        (INFER, ('onnxruntime',), 'handkd needs onnxruntime: pip install onnxruntime'),
    ],
)
def test_a_missing_package_is_named_with_the_call_of_pip(call, folder, words, hidden, remedy):
    code = HIDE.format(hidden=hidden) + f'from handkd.cli import main; main({words})'
    status, text = call('-c', code)
    assert status == 1 and text.startswith(f'error: {remedy}') and text.count('\n') == 1, text
