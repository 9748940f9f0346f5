"""A training that a signal ends goes on, to the bit, from the step in which it came."""

import os
import signal
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook

from handkd.apis.runs import train
from handkd.engine import Interruption
from handkd.models import read_checkpoint
from handkd.registry import HOOKS

from .conftest import make_tiny_cfg

AVERAGE = dict(type='EMAHook')


@HOOKS.register_module()
class SignalHook(Hook):
    """Sends a signal to its own process in the middle of a step, or in a validation."""

    def __init__(self, number, step, validation=False, times=1):
        self.number, self.step, self.validation, self.times = number, step, validation, times

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if not self.validation and runner.iter + 1 == self.step:
            for _ in range(self.times):
                os.kill(os.getpid(), self.number)

    def before_val_epoch(self, runner):
        if self.validation and runner.iter == self.step:
            os.kill(os.getpid(), self.number)


def saved(folder):
    return sorted(path.name for path in Path(folder).glob('*.pth'))


def same(first, second):
    one, two = (read_checkpoint(path) for path in (first, second))
    states = [one['state_dict'], two['state_dict']], [one['ema_state_dict'], two['ema_state_dict']]
    return all(a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a) for a, b in states)


def watched(cfg):
    """A config whose schedule and best checkpoint depend on validations."""
    cfg.default_hooks.checkpoint.update(interval=4, max_keep_ckpts=1, save_best='EPE_mean')
    cfg.param_scheduler.append(dict(type='ReduceOnPlateauLR', monitor='EPE_mean', by_epoch=True, patience=1))
    return cfg


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    """The last checkpoint of a run that nothing has ended."""
    return train(watched(make_tiny_cfg(tmp_path_factory.mktemp('whole'), average=AVERAGE)))


@pytest.mark.parametrize(
    ('number', 'status', 'step', 'validation'),
    [
        (signal.SIGTERM, 75, 3, False),
        (signal.SIGUSR1, 75, 8, False),  # a validation is due, and is done
        (signal.SIGUSR1, 75, 8, True),
        (signal.SIGINT, 130, 6, False),
    ],
)
def test_it_goes_on_to_the_bit(whole, tiny_cfg, number, status, step, validation, capfd):
    stop = dict(type='SignalHook', number=int(number), step=step, validation=validation)
    parts = watched(tiny_cfg(work_dir='parts', average=AVERAGE, stop=stop))
    before = signal.getsignal(number)
    with pytest.raises(
        Interruption, match=rf'ended by {number.name} after step {step}; .*iter_{step}\.pth is saved'
    ) as end:
        train(parts)
    assert end.value.code == status and signal.getsignal(number) is before
    assert f'{number.name}: ending after this step' in capfd.readouterr().err
    assert [name for name in saved(parts.work_dir) if name.startswith('iter')] == [f'iter_{step}.pth']
    ended = train(watched(tiny_cfg(work_dir='parts', average=AVERAGE)), resume='auto')
    assert same(whole, ended) and saved(parts.work_dir) == saved(whole.parent)


def test_a_signal_in_the_last_step_changes_nothing(tiny_cfg):
    assert train(tiny_cfg(3, stop=dict(type='SignalHook', number=int(signal.SIGTERM), step=3))).name == 'iter_3.pth'


def test_a_second_ctrl_c_ends_at_once(tiny_cfg):
    cfg = tiny_cfg(stop=dict(type='SignalHook', number=int(signal.SIGINT), step=5, times=2))
    with pytest.raises(KeyboardInterrupt):
        train(cfg)
    assert saved(cfg.work_dir) == ['iter_2.pth', 'iter_4.pth']


def test_a_run_of_epochs_goes_on_from_the_last_one(tiny_cfg):
    def run(name, step, **resume):
        cfg = tiny_cfg(work_dir=name, average=dict(type='EMAHook'), stop=dict(type='SignalHook', number=15, step=step))
        cfg.train_cfg = dict(by_epoch=True, max_epochs=4, val_interval=2)
        cfg.default_hooks.checkpoint = dict(type='CheckpointHook', interval=2, max_keep_ckpts=1)
        cfg.param_scheduler = []
        return train(cfg, **resume)

    whole = run('whole', 0)
    with pytest.raises(Interruption, match='in epoch 1, of which nothing is saved; no checkpoint is saved'):
        run('parts', 1)
    with pytest.raises(Interruption, match=r'after epoch 1; .*epoch_1\.pth is saved'):
        run('parts', 2, resume='auto')
    with pytest.raises(Interruption, match=r'in epoch 3, of which nothing is saved; .*epoch_2\.pth is saved'):
        run('parts', 5, resume='auto')
    assert same(whole, run('parts', 0, resume='auto')) and saved(whole.parent) == ['epoch_4.pth']
