"""Distillers with a teacher of another width in whole runs: schedules, gradients in the log, resuming, the student."""

import json
from pathlib import Path

import pytest
import torch

from handkd.apis.runs import train
from handkd.hints import ConfigError
from handkd.models import load_weights, read_checkpoint
from handkd.registry import MODELS

STEPS = dict(by_epoch=False)


@pytest.fixture
def distilled(tiny_cfg, tmp_path):
    def make(steps, name, **own):
        cfg = tiny_cfg(steps, name, gradients=dict(type='GradientLogHook', interval=2))
        cfg.log_level = 'INFO'
        cfg.default_hooks.logger = dict(type='LoggerHook', interval=1)
        wide = dict(cfg.model, backbone=dict(cfg.model.backbone, base_channels=8))
        wide['head'] = dict(cfg.model.head, in_channels=64)
        if not (tmp_path / 'wide.pth').exists():
            torch.manual_seed(1)
            torch.save(dict(state_dict=MODELS.build(wide).state_dict()), tmp_path / 'wide.pth')
        channels = dict(in_channels=32, out_channels=64)
        adapter = dict(type='FeatureAdapter', **channels)
        decay = dict(type='linear', end=4, **STEPS)
        window = dict(type='window', begin=2, **STEPS)
        features = dict(teacher='wide', layer='backbone')
        distillers = dict(
            fitnet=dict(type='FeatureMimic', **features, norm='l2', weight=0.01, adapter=adapter, schedule=decay),
            mgd=dict(type='MaskedGeneration', **features, **channels, schedule=window),
            joints=dict(type='JointResponse', teacher='wide', schedule=[decay, window]),
        )
        teachers = dict(wide=dict(model=wide, checkpoint=str(tmp_path / 'wide.pth')))
        cfg.model = dict(type='DistilledEstimator', student=cfg.model, teachers=teachers, distillers=distillers | own)
        return cfg

    return make


def rows_of(cfg):
    rows = {}
    for log in sorted(Path(cfg.work_dir).glob('*/vis_data/scalars.json')):
        for line in map(json.loads, log.read_text().splitlines()):
            if 'loss' in line:
                rows[line['step']] = line
    return [rows[step] for step in sorted(rows)]


def test_a_resumed_run_is_the_uninterrupted_one_and_the_student_is_plain(distilled, tmp_path):
    cfg = distilled(4, 'whole')
    student = cfg.model.student.to_dict()
    train(cfg)
    whole = rows_of(cfg)
    parts = distilled(4, 'parts')
    resumed = train(parts, resume=str(tmp_path / 'whole' / 'iter_2.pth'))
    losses = {key for key in whole[0] if key.startswith('loss_')}
    assert {'loss_fitnet_mimic', 'loss_mgd_generated', 'loss_joints_joints'} <= losses
    again, expected = ([{key: row[key] for key in losses} for row in rows] for rows in (rows_of(parts), whole[2:]))
    assert again == expected
    assert [row['loss_mgd_generated'] > 0 for row in whole] == [False, False, True, True]
    assert [row['loss_joints_joints'] > 0 for row in whole] == [False, False, True, True]
    ratios = {key for row in whole for key in row if key.startswith('gradient_')}
    assert {'gradient_fitnet/backbone', 'gradient_mgd/backbone', 'gradient_joints/head'} <= ratios

    state = read_checkpoint(resumed)['state_dict']
    expected = read_checkpoint(Path(cfg.work_dir) / 'iter_4.pth')['state_dict']
    assert state.keys() == expected.keys() and all(torch.equal(state[key], expected[key]) for key in state)
    assert {'training_only.fitnet.adapter.conv.weight', 'training_only.mgd.generation.0.weight'} <= state.keys()
    plain = MODELS.build(student)
    load_weights(plain, str(resumed))
    assert all(torch.equal(value, state[key]) for key, value in plain.state_dict().items())


def test_a_schedule_in_epochs_is_refused_before_the_first_step(distilled):
    cfg = distilled(4, 'run', joints=dict(type='JointResponse', teacher='wide', schedule=dict(type='linear')))
    with pytest.raises(ConfigError, match=r'distillers\.joints\.schedule counts epochs, but this run counts steps'):
        train(cfg)
    late = dict(type='cosine', begin=4, **STEPS)
    cfg = distilled(4, 'late', joints=dict(type='JointResponse', teacher='wide', schedule=late))
    with pytest.raises(ConfigError, match=r'distillers\.joints\.schedule: begin is 4, but the training has 4 steps'):
        train(cfg)
