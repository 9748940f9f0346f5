"""What a run logs, and what it only leaves in files."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from mmengine.config import Config

from handkd.apis.runs import evaluate, train
from handkd.models import HandPoseEstimator
from handkd.registry import MODELS

ROOT = Path(__file__).parents[2]
STEPS = 12


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    """A tiny run of tools/train.py that logs every step: its work dir and what it printed."""
    folder = tmp_path_factory.mktemp('run')
    options = [
        f'train_cfg.max_iters={STEPS}',
        'train_dataloader.batch_size=2',
        'train_dataloader.num_workers=0',
        'train_dataloader.persistent_workers=False',
        'train_dataloader.dataset.length=4',
        'default_hooks.logger.interval=1',
    ]
    config = ROOT / 'tests' / 'configs' / 'plain_rgb_studio.py'
    command = [sys.executable, ROOT / 'tools' / 'train.py', config, '--no-validate', '--work-dir', folder]
    env = {**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'}
    done = subprocess.run([*command, '--cfg-options', *options], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    return folder, done.stdout + done.stderr


def test_the_log_is_about_the_run(run):
    _, text = run
    assert text.count('Iter(train)') == STEPS
    assert len(text.splitlines()) < STEPS + 20, text


def test_config_and_environment_are_in_the_files_that_it_names(run):
    folder, text = run
    config, environment = re.search(r'config: (\S+); environment and hooks: (\S+)', text).groups()
    assert Path(config).parent == folder and Config.fromfile(config).train_cfg.max_iters == STEPS
    written = Path(environment).read_text()
    assert 'PyTorch: ' in written and '  seed: 0' in written and 'CheckpointHook' in written


def test_an_evaluation_is_as_quiet(tiny_cfg, tmp_path):
    last = train(tiny_cfg())
    cfg = tiny_cfg(work_dir='evaluation')
    cfg.log_level = 'INFO'
    evaluate(cfg, last)
    (log,) = (tmp_path / 'evaluation').rglob('*.log')
    text = log.read_text()
    assert 'EPE' in text and len(text.splitlines()) < 15, text


@MODELS.register_module()
class FrozenEstimator(HandPoseEstimator):
    """An estimator whose backbone is not trained."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.backbone.requires_grad_(False)


def test_the_optimizer_s_groups_are_not_listed_weight_by_weight(tiny_cfg, tmp_path):
    cfg = tiny_cfg(1)
    cfg.log_level = 'INFO'
    cfg.optim_wrapper.paramwise_cfg = dict(bias_decay_mult=0.0, bypass_duplicate=True)
    cfg.model.type = 'FrozenEstimator'
    train(cfg)
    (log,) = (tmp_path / 'run').rglob('*.log')
    text = log.read_text()
    assert 'Iter(train)' in text or 'Saving checkpoint' in text
    assert 'paramwise_options' not in text and 'is skipped since' not in text
