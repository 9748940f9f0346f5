"""examples/plugin is a package of its own: it is installed, its classes are found by name, and it trains one step."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from handkd.config import load_config
from handkd.registry import MODELS

ROOT = Path(__file__).parents[1]
PLUGIN = ROOT / 'examples' / 'plugin'
CONFIG = PLUGIN / 'configs' / 'separable_attention_studio.py'


@pytest.fixture(scope='module')
def site(tmp_path_factory) -> Path:
    """Install a copy of the plugin, without any download, and return where it went."""
    folder = tmp_path_factory.mktemp('plugin')
    source = folder / 'source'
    for file in PLUGIN.rglob('*'):
        if file.suffix in ('.py', '.toml'):
            target = source / file.relative_to(PLUGIN)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
    command = ['-m', 'pip', 'install', '--quiet', '--no-index', '--no-deps', '--no-build-isolation', '--target']
    subprocess.run([sys.executable, *command, folder / 'site', source], check=True)
    return folder / 'site'


@pytest.fixture
def plugin(site, monkeypatch):
    """Return the installed package."""
    monkeypatch.syspath_prepend(str(site))
    import hand_plugin

    assert Path(hand_plugin.__file__).is_relative_to(site)
    return hand_plugin


def test_without_the_package_the_config_says_which_one_is_missing():
    code = f'from handkd.config import load_config; load_config({str(CONFIG)!r})'
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode and 'custom_imports: hand_plugin' in done.stderr and 'No module named' in done.stderr


def test_equal_attention_costs_nothing_and_disjoint_attention_costs_two(plugin):
    from handkd.models import DistillContext

    left, right = torch.zeros(2, 4, 2, 2), torch.zeros(2, 6, 2, 2)
    left[..., 0], right[..., 1] = 3, -5
    mimic = plugin.AttentionTransfer(weight=0.5)
    same = DistillContext({'backbone': (left,)}, {'depth': {'backbone': (left[:, :1],)}}, {}, [])
    disjoint = DistillContext({'backbone': (left,)}, {'depth': {'backbone': (right,)}}, {}, [])
    assert mimic(same)['attention'] == pytest.approx(0, abs=1e-6)
    assert mimic(disjoint)['attention'] == pytest.approx(0.5 * 2)


def test_an_installed_plugin_trains_one_step(plugin, site, tmp_path):
    teacher = tmp_path / 'teacher.pth'
    torch.save(MODELS.build(load_config(CONFIG).model.teachers.depth.model).state_dict(), teacher)
    options = [
        'train_cfg.max_iters=1',
        'train_dataloader.batch_size=2',
        'train_dataloader.num_workers=0',
        'train_dataloader.persistent_workers=False',
        'train_dataloader.dataset.length=4',
        'default_hooks.logger.interval=1',
        f'model.teachers.depth.checkpoint={teacher}',
    ]
    command = [sys.executable, ROOT / 'tools' / 'train.py', CONFIG, '--no-validate', '--work-dir', tmp_path / 'run']
    env = {**os.environ, 'PYTHONPATH': os.pathsep.join([str(site), str(ROOT)]), 'OMP_NUM_THREADS': '1'}
    done = subprocess.run([*command, '--cfg-options', *options], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    assert 'loss_attention_attention' in done.stdout + done.stderr
    state = torch.load(tmp_path / 'run' / 'iter_1.pth', weights_only=True)['state_dict']
    student = plugin.SeparableNet().state_dict()
    assert {f'backbone.{name}' for name in student} == {name for name in state if name.startswith('backbone.')}
