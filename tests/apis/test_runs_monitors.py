"""Which metric a run watches: for its best checkpoint, for early stopping, and for schedules on a plateau."""

from pathlib import Path

import pytest
from mmengine.hooks import CheckpointHook, Hook

from handkd.apis.runs import train
from handkd.hints import ConfigError
from handkd.models import read_checkpoint
from handkd.registry import HOOKS


@HOOKS.register_module()
class KeepRunnerHook(Hook):
    """Hands out the last run's runner."""

    found: list = []

    def after_run(self, runner):
        KeepRunnerHook.found = [runner]


def watching(cfg):
    cfg.train_cfg.val_interval = 2
    cfg.custom_hooks = [dict(type='KeepRunnerHook')]
    return cfg


def plateau(cfg, **settings):
    cfg.param_scheduler = [dict(type='ReduceOnPlateauLR', **settings)]
    return watching(cfg)


@pytest.mark.parametrize('watched', ['auto', ['auto']])
def test_auto_is_the_first_metric_with_its_own_rule(tiny_cfg, watched):
    cfg = watching(tiny_cfg(4))
    cfg.default_hooks.checkpoint.update(save_best=watched)
    last = train(cfg)
    (saver,) = [hook for hook in KeepRunnerHook.found[0].hooks if isinstance(hook, CheckpointHook)]
    assert saver.key_indicators[0].endswith('/EPE_mean') and saver.rules == ['less']
    assert len(list(last.parent.glob('best_*EPE_mean*.pth'))) == 1


@pytest.mark.parametrize(('monitor', 'rule'), [('EPE_mean', 'less'), ('AUC_20-50_trapz100', 'greater')])
def test_a_schedule_on_a_plateau_takes_a_short_name_and_knows_which_is_better(tiny_cfg, monitor, rule):
    train(plateau(tiny_cfg(4), monitor=monitor, patience=0))
    (scheduler,) = KeepRunnerHook.found[0].param_schedulers
    assert scheduler.monitor.endswith(f'_21j/{monitor}') and scheduler.rule == rule


@pytest.mark.parametrize(
    ('settings', 'said'),
    [
        (dict(monitor='EPE_mea'), r"ReduceOnPlateauLR\(monitor=\.\.\.\): no metric is named 'EPE_mea'; did you mean"),
        (dict(), r"ReduceOnPlateauLR\(monitor=\.\.\.\): no metric is named 'loss'"),
        (dict(monitor='something'), r"ReduceOnPlateauLR: .* 'something' is better: set rule='less'"),
    ],
)
def test_a_wrong_name_in_a_schedule_is_refused_before_the_first_step(tiny_cfg, settings, said):
    cfg = plateau(tiny_cfg(4), **settings)
    with pytest.raises(ConfigError, match=said):
        train(cfg)
    assert not list(Path(cfg.work_dir).glob('*.pth'))


def test_a_schedule_on_a_plateau_without_a_validation_is_refused(tiny_cfg):
    cfg = plateau(tiny_cfg(4), monitor='EPE_mean')
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    with pytest.raises(ConfigError, match='ReduceOnPlateauLR needs? a validation, but val_dataloader is None'):
        train(cfg)


def test_a_schedule_on_a_plateau_is_resumed_with_what_it_remembers(tiny_cfg, tmp_path):
    settings = dict(monitor='EPE_mean', patience=0, threshold=1e9, threshold_rule='abs')  # nothing is an improvement

    def run(max_iters, work_dir, **resume):
        cfg = plateau(tiny_cfg(max_iters, work_dir), **settings)
        cfg.train_cfg.val_interval = 3
        return read_checkpoint(train(cfg, **resume))['param_schedulers'][0]

    whole = run(8, 'whole')
    run(5, 'parts')
    resumed = run(8, 'parts', resume='auto')
    assert 'the config differs' not in ''.join(path.read_text() for path in tmp_path.rglob('*.log'))
    assert resumed == whole and whole['_last_value'][0] < 5e-4
