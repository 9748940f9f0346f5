"""MMPose's data sets, pipelines, loops and hooks: a resumed run is exact, whatever the number of workers."""

import json

import pytest
import torch
from mmengine.hooks import Hook

from handkd.apis.runs import evaluate, train
from handkd.models import read_checkpoint
from handkd.registry import HOOKS, MODELS
from tests.datasets.coco_sets import write_set
from tests.models.estimators.conftest import MMPOSE_CODECS, topdown_cfg

FIRST = [dict(type='LoadImage'), dict(type='GetBBoxCenterScale')]
LAST = [
    dict(type='TopdownAffine', input_size=(64, 64)),
    dict(type='GenerateTarget', encoder=MMPOSE_CODECS['simcc']),
    dict(type='PackPoseInputs'),
]
RANDOM = [*FIRST, dict(type='RandomFlip'), dict(type='RandomBBoxTransform'), *LAST]
WEAKER = [*FIRST, dict(type='RandomBBoxTransform', shift_factor=0.0), *LAST]
TEST = [*FIRST, LAST[0], LAST[2]]


@HOOKS.register_module()
class LossHook(Hook):
    """Appends each step's loss to a file."""

    def __init__(self, path):
        self.path = path

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        with open(self.path, 'a') as file:
            print(json.dumps([runner.iter, float(outputs['loss'])]), file=file)


@pytest.fixture
def run(tiny_cfg, tmp_path):
    """A function that trains a distilled student as one of MMPose's configs would, and gives the losses."""
    write_set(tmp_path, 'freihand')
    torch.manual_seed(1)
    torch.save(MODELS.build(topdown_cfg('simcc')).state_dict(), tmp_path / 'teacher.pth')

    def make_cfg(name, epochs, workers):
        cfg = tiny_cfg(work_dir=name)
        hands = dict(type='FreiHandDataset', data_root=str(tmp_path), ann_file='annotations/freihand_train.json')
        loader = dict(batch_size=2, num_workers=workers, persistent_workers=workers > 0)
        cfg.model = dict(
            type='DistilledEstimator',
            student=topdown_cfg('simcc'),
            teachers=dict(big=dict(model=topdown_cfg('simcc'), checkpoint=str(tmp_path / 'teacher.pth'))),
            distillers=dict(feat=dict(type='FeatureMimic', layer='backbone', teacher='big', weight=0.01)),
        )
        train_loader = dict(loader, sampler=dict(type='DefaultSampler', shuffle=True))
        cfg.train_dataloader = dict(train_loader, dataset=dict(hands, pipeline=RANDOM))
        cfg.val_dataloader.dataset = cfg.test_dataloader.dataset = dict(hands, pipeline=TEST)
        cfg.val_evaluator = cfg.test_evaluator = [dict(type='PCKAccuracy', thr=0.2), dict(type='EPE')]
        cfg.train_cfg = dict(by_epoch=True, max_epochs=epochs, val_interval=1)
        cfg.default_hooks = dict(checkpoint=dict(type='CheckpointHook', interval=1, save_best='EPE', rule='less'))
        cfg.param_scheduler, cfg.optim_wrapper.amp = [], False
        cfg.custom_hooks = [
            dict(type='EMAHook', ema_type='ExpMomentumEMA', momentum=0.1, update_buffers=True, priority=49),
            dict(type='PipelineSwitchHook', switch_epoch=1, switch_pipeline=WEAKER),
            dict(type='LossHook', path=str(tmp_path / f'{name}.txt')),
        ]
        return cfg

    def train_it(name, epochs=3, workers=0, resume=None, switches=True):
        cfg = make_cfg(name, epochs, workers)
        if not switches:
            cfg.custom_hooks.pop(1)
        last = read_checkpoint(train(cfg, resume))
        return (tmp_path / f'{name}.txt').read_text().splitlines(), last, cfg

    return train_it


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


def test_resumed_and_with_workers_it_is_the_same_run(run):
    losses, whole, cfg = run('whole')
    run('cut', epochs=2)
    cut_losses, cut, _ = run('cut', resume='auto')
    worked_losses, worked, _ = run('worked', workers=2)
    assert len(losses) == 6 and losses == cut_losses == worked_losses
    for other in (cut, worked):
        assert same(whole['state_dict'], other['state_dict'])
        assert same(whole['ema_state_dict'], other['ema_state_dict'])
        assert other['message_hub']['runtime_info']['best_score'] == whole['message_hub']['runtime_info']['best_score']
    assert not same(whole['state_dict'], {key: whole['ema_state_dict'][f'module.{key}'] for key in whole['state_dict']})
    first, _, _ = run('never switched', epochs=2, switches=False)
    assert first[:2] == losses[:2] and first[2:] != losses[2:4]
    assert evaluate(cfg, f'{cfg.work_dir}/epoch_3.pth')['EPE'] > 0
