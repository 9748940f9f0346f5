"""examples/plugin is a package of its own: it is installed, its classes are found by name, and it trains some steps."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config

from handkd.config import load_config
from handkd.hints import ConfigError
from handkd.registry import MODELS

ROOT = Path(__file__).parents[1]
PLUGIN = ROOT / 'examples' / 'plugin'
CONFIG = PLUGIN / 'configs' / 'separable_selectivity_studio.py'
SYNERGIES = PLUGIN / 'configs' / 'synergies_studio.py'
INSTALL = ['-m', 'pip', 'install', '--quiet', '--no-index', '--no-deps', '--no-build-isolation', '--target']
SHORT = [
    'train_cfg.max_iters=2',
    'train_dataloader.batch_size=2',
    'train_dataloader.num_workers=0',
    'train_dataloader.persistent_workers=False',
    'default_hooks.logger.interval=1',
]


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
    subprocess.run([sys.executable, *INSTALL, folder / 'site', source], check=True)
    return folder / 'site'


def run(*command, paths, cwd=ROOT):
    """Run a Python command with the packages in some folders; return its exit status and output."""
    env = {**os.environ, 'PYTHONPATH': os.pathsep.join(map(str, paths)), 'OMP_NUM_THREADS': '1'}
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, env=env, cwd=cwd)
    return done.returncode, done.stdout + done.stderr


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


def test_equal_channels_cost_nothing_and_disjoint_ones_cost_two(plugin):
    from handkd.models import DistillContext

    left, right = torch.zeros(2, 4, 2, 2), torch.zeros(2, 6, 2, 2)
    left[..., 0], right[..., 1] = 3, -5
    mimic = plugin.NeuronSelectivity(weight=0.5)
    same = DistillContext({'backbone': (left,)}, {'depth': {'backbone': (left[:, :1],)}}, {}, [])
    disjoint = DistillContext({'backbone': (left,)}, {'depth': {'backbone': (right,)}}, {}, [])
    assert mimic(same)['selectivity'] == pytest.approx(0, abs=1e-6)
    assert mimic(disjoint)['selectivity'] == pytest.approx(0.5 * 2)


def test_an_installed_plugin_trains_one_step(plugin, site, tmp_path):
    teacher = tmp_path / 'teacher.pth'
    torch.save(MODELS.build(load_config(CONFIG).model.teachers.depth.model).state_dict(), teacher)
    options = [*SHORT, 'train_dataloader.dataset.length=4', f'model.teachers.depth.checkpoint={teacher}']
    command = [ROOT / 'tools' / 'train.py', CONFIG, '--no-validate', '--work-dir', tmp_path / 'run']
    status, text = run(*command, '--cfg-options', *options, 'train_cfg.max_iters=1', paths=[site, ROOT])
    assert status == 0, text
    assert 'loss_selectivity_selectivity' in text
    state = torch.load(tmp_path / 'run' / 'iter_1.pth', weights_only=True)['state_dict']
    student = plugin.SeparableNet().state_dict()
    assert {f'backbone.{name}' for name in student} == {name for name in state if name.startswith('backbone.')}


def synergies(folder, paths, *options):
    """Train the plugin's config that needs an artifact, in a folder without anything of handkd."""
    for file in (SYNERGIES, ROOT / 'tools' / 'train.py'):
        (folder / file.name).write_bytes(file.read_bytes())
    command = ['train.py', SYNERGIES.name, '--no-validate', '--work-dir', f'run{len(options)}', '--cfg-options']
    options = [*SHORT, 'train_dataloader.dataset.length=40', *options]
    return run(*command, *options, paths=paths, cwd=folder)


def test_a_plugin_brings_an_artifact_and_a_distiller_that_needs_it(plugin, site, tmp_path):
    status, text = synergies(tmp_path, [site, ROOT], 'synergies.components=6')
    assert status == 0, text
    assert 'from 40 hands' in text and 'loss_synergies_synergy' in text
    (file,) = (tmp_path / 'work_dirs/synergies').iterdir()
    arrays = plugin.read_synergies(file)
    np.testing.assert_allclose(arrays['basis'] @ arrays['basis'].T, np.eye(6), atol=1e-12)
    status, text = synergies(tmp_path, [site, ROOT], f'synergies.file={file}', 'synergies.components=5')
    assert status == 2 and "'components': 6" in text and 'choose another with --cfg-options synergies.file=PATH' in text
    with pytest.raises(ConfigError, match="synergies: unknown key 'component'; did you mean 'components'"):
        load_config(SYNERGIES, {'synergies.component': 5})
    with pytest.raises(
        ConfigError, match=r"SynergyPrior: missing argument 'synergies', .*synergies\.file.*load_config"
    ):
        MODELS.build(Config.fromfile(SYNERGIES).model)


def test_hands_in_the_plane_of_the_synergies_cost_nothing(plugin, tmp_path):
    cfg = load_config(SYNERGIES, {'synergies.file': str(tmp_path / 'x.npz'), 'synergies.components': 19})
    cfg.train_dataloader.dataset.length = 100
    artifact = plugin.SynergyFile.from_config(cfg)
    artifact.ensure()
    prior = plugin.SynergyPrior(str(artifact.path), weight=2.0)
    assert prior.distance(prior.mean + 3 * prior.basis[:2]).abs().max() < 1e-8
    normal = torch.linalg.svd(prior.basis.double())[2][-1].float()
    assert prior.distance(prior.mean + 0.5 * normal[None]).item() == pytest.approx(0.25, rel=1e-4)
    assert list(prior.state_dict()) == []


@pytest.mark.training
def test_it_trains_beside_a_handkd_that_is_no_checkout(site, built, tmp_path):
    """A minute, since the studio is compiled anew for an installed package."""
    paths = [built.site, site]
    _, text = run('-c', 'import handkd; print(handkd.__file__)', paths=paths, cwd=tmp_path)
    assert str(built.site / 'handkd') in text
    status, text = synergies(tmp_path, paths)
    assert status == 0 and 'loss_synergies_synergy' in text, text
