"""Test pipelines rewritten so that they know no true joint."""

from pathlib import Path

import pytest
from mmengine.config import Config

from handkd.apis.found_hands import find_hands, found_steps

ROOT = Path(__file__).parents[2]
REAL = [
    dict(type='HandCrop', rule='cube', cube=220.0),
    dict(type='WarpCrop', size=48),
    dict(type='HandMaskFromDepth', forearm=5.0),
    dict(type='DepthToCube', cube=220.0, hand_only=True),
]


def test_the_steps_without_joints():
    steps = found_steps(REAL)
    assert [step['type'] for step in steps] == [
        'FindHandCube',
        'HandCrop',
        'WarpCrop',
        'HandMaskFromCube',
        'DepthToCube',
    ]
    assert [step.get('cube') for step in steps] == [220, 220, None, 220, 220]
    assert [step.get('center') for step in steps] == [None, 'hand', None, None, 'hand']
    assert 'center' not in REAL[0]
    assert found_steps(steps) == steps


def test_steps_that_render_or_pack_have_no_crop_and_no_mask():
    steps = found_steps([dict(type='DepthToCube', root='wrist'), dict(type='PackHandInputs', modalities=['depth'])])
    assert steps == [
        dict(type='FindHandCube'),
        dict(type='DepthToCube', root='wrist', center='hand'),
        dict(type='PackHandInputs', modalities=['depth']),
    ]
    masked = found_steps([dict(type='DepthToCube', cube=200.0, hand_only=True)])
    assert masked[1] == dict(type='HandMaskFromCube', cube=200.0)
    with pytest.raises(ValueError, match=r"expected a DepthToCube among the steps, found \['HandCrop'\]"):
        found_steps([dict(type='HandCrop')])


def test_a_test_set_that_finds_its_hands():
    cfg = Config.fromfile(ROOT / 'configs/weakseg/inception_direct_nyu.py')
    found = find_hands(cfg)
    assert [step.type for step in found.test_dataloader.dataset.pipeline][:2] == ['FindHandCube', 'HandCrop']
    assert cfg.test_dataloader.dataset.pipeline[0].type == 'HandCrop'
    assert found.val_dataloader == cfg.val_dataloader
    with pytest.raises(ValueError, match='test_dataloader.dataset.pipeline: hands can be found in depth only'):
        find_hands(Config.fromfile(ROOT / 'tests/configs/plain_rgb_studio.py'))
