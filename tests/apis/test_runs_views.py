"""Runs that learn from views: groups beside labelled samples, from the rig to the metrics."""

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook

from handkd.apis.runs import evaluate, train
from handkd.models import read_checkpoint
from handkd.registry import HOOKS

CODEC = dict(type='RootRelativeXYZ')
SIZES = dict(input_size=64, num_points=10, appearance=6, base_channels=4)
HEAD = dict(type='LatentPoseHead', in_channels=30, hidden=(8,), codec=CODEC)
CROP = [dict(type='HandCrop', rule='cube', cube=250.0), dict(type='VirtualCamera', size=64)]
RIG = dict(type='StudioRigDataset', subjects=1, sequences=1, frames=3, views=3, resolution=64, pace=2)
GROUPS = dict(type='ViewGroupSampler', groups=1)


@HOOKS.register_module()
class StoppingHook(Hook):
    """Stops the run behind its third step, as Ctrl-C does."""

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter + 1 == 3:
            raise KeyboardInterrupt


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Where the first run makes the backgrounds that all of them load."""
    return str(tmp_path_factory.mktemp('backgrounds'))


@pytest.fixture
def views_cfg(tiny_cfg, folder):
    """A config of a ViewSynthesizer, alone or with a head beside labelled samples."""

    def build(work_dir, with_head, **hooks):
        cfg = tiny_cfg(5, work_dir, **hooks)
        background = [dict(type='LoadBackground', folder=folder)]
        views = [*background, *CROP, dict(type='PackHandInputs', modalities=['rgb', 'background'])]
        hands = [*views[:-1], dict(views[-1], fields=['hand_mask'])]
        train_set, test_set = (dict(RIG, split=split, pipeline=p) for split, p in (('train', views), ('test', hands)))
        cfg.model = dict(
            type='ViewSynthesizer',
            backbone=dict(type='GeometryEncoder', depth=18, **SIZES),
            decoder=dict(type='ViewDecoder', **SIZES),
            head=HEAD if with_head else None,
        )
        loader = dict(batch_size=4, num_workers=0)
        if with_head:
            budget = dict(type='LabelBudget', dataset=train_set, number=3)
            cfg.train_dataloader = dict(loader, batch_size=8, sampler=dict(GROUPS, singles=4), dataset=budget)
            poses = dict(test_set, pipeline=[*CROP, dict(type='PackHandInputs')])
            cfg.val_dataloader = dict(loader, sampler=dict(type='DefaultSampler', shuffle=False), dataset=poses)
        else:
            cfg.train_dataloader = dict(loader, sampler=GROUPS, dataset=train_set)
            cfg.val_dataloader = dict(loader, sampler=dict(GROUPS, batches=3, seed=0), dataset=test_set)
            cfg.val_evaluator = cfg.test_evaluator = dict(type='ViewSynthesisMetric')
        cfg.test_dataloader = cfg.val_dataloader
        return cfg

    return build


@pytest.mark.parametrize('with_head', [False, True])
def test_a_run_that_was_interrupted_ends_as_one_that_was_not(views_cfg, with_head, tmp_path):
    last = train(views_cfg('whole', with_head))
    with pytest.raises(KeyboardInterrupt):
        train(views_cfg('parts', with_head, stop=dict(type='StoppingHook')))
    resumed = train(views_cfg('parts', with_head), resume='auto')
    weights, others = (read_checkpoint(path)['state_dict'] for path in (last, resumed))
    assert weights.keys() == others.keys() and all(torch.equal(value, others[key]) for key, value in weights.items())

    metrics = evaluate(views_cfg('test', with_head), last, dump=tmp_path / 'p.npz')
    assert metrics == evaluate(views_cfg('again', with_head), resumed) and np.isfinite(list(metrics.values())).all()
    with np.load(tmp_path / 'p.npz') as file:
        if with_head:
            assert file['pred'].shape == (9, 21, 3) and any(name.endswith('EPE_mean') for name in metrics)
        else:
            assert file['PSNR'].shape == file['hand_MAE'].shape == (12, 4)
            assert 0 < metrics['views/background/MAE'] < metrics['views/background/hand_MAE'] < 255
            assert 'views/gain/hand_MAE' in metrics


@pytest.mark.parametrize('loader', ['train_dataloader', 'val_dataloader'])
def test_a_loader_takes_the_batches_of_its_sampler(views_cfg, loader):
    cfg = views_cfg('run', with_head=False)
    cfg[loader].batch_size = 8
    with pytest.raises(ValueError, match='ViewGroupSampler makes batches of 4 samples; set batch_size=4 .* found 8'):
        train(cfg)
