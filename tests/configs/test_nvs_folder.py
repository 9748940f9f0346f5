"""The configs for a rig of your own run on the example: every regime, medians and budgets, through the runner."""

import os
from pathlib import Path

import numpy as np
import pytest

from handkd.apis.runs import evaluate, train
from handkd.apis.stages import read_stages
from handkd.config import LOADERS, load_config

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / 'configs' / 'nvs'


def small(regime, folder):
    """A config of the example's rig with a narrow network, for two steps."""
    name = '_'.join(filter(None, ('resnet50', regime, 'folder')))
    cfg = load_config(CONFIGS / f'{name}.py', {'feature_network.checkpoint': None})
    cfg.work_dir = str(folder / (regime or 'semi'))
    cfg.train_cfg.update(max_iters=2, val_interval=2)
    cfg.model.backbone.update(depth=18, base_channels=8)
    if 'decoder' in cfg.model:
        cfg.model.decoder.base_channels = 4
        cfg.model.feature_loss.network.base_channels = 8
    if 'head' in cfg.model:
        cfg.model.head.hidden = (32,)
        cfg.train_dataloader.dataset.number = 4
    for loader in LOADERS:
        cfg[loader].update(num_workers=0, persistent_workers=False)
        inner = cfg[loader].dataset.get('dataset', cfg[loader].dataset)
        inner.data_root = str(ROOT / 'examples' / 'rig')
        for step in inner.pipeline:
            if step.type == 'LoadBackground':
                step.folder = str(folder / 'backgrounds')
        sampler = cfg[loader].sampler
        if sampler.type == 'ViewGroupSampler':
            sampler.groups, sampler.singles = (1 if sampler.groups else 0), (3 if sampler.get('singles') else 0)
            cfg[loader].batch_size = 4 * sampler.groups + sampler.singles
            if 'batches' in sampler:
                sampler.batches = 1
    return cfg


@pytest.mark.parametrize('regime', ['views', 'supervised', ''])
def test_a_regime_runs_on_the_example(regime, tmp_path):
    cfg = small(regime, tmp_path)
    metrics = evaluate(cfg, train(cfg))
    assert metrics and np.isfinite(list(metrics.values())).all()
    if regime != 'supervised':
        made = sorted(os.path.relpath(path, tmp_path / 'backgrounds') for path in tmp_path.rglob('*.npy'))
        assert made[:4] == ['first/00.npy', 'first/01.npy', 'second/00.npy', 'second/01.npy']


def test_stages_list_every_regime_and_budget():
    stages = read_stages(CONFIGS / 'resnet50_folder.py')
    at_budgets = {f'{name}_{labels}' for labels in (320, 64) for name in ('supervised', 'pretrained', 'semi')}
    assert sorted(stage.name for stage in stages) == sorted({'views', *at_budgets})
    for stage in stages:
        cfg = load_config(stage.config, stage.options)
        assert (cfg.model.backbone.get('frozen') == 'all') == stage.name.startswith('pretrained')
        if stage.annotations:
            assert cfg.train_dataloader.dataset.number == stage.annotations
