"""What a run does by itself, whatever hooks, samplers and schedules its config lists."""

import logging
import math

import pytest
import torch
from mmengine.hooks import CheckpointHook, Hook

from handkd.apis.resuming import latest_checkpoint
from handkd.apis.runs import evaluate, train
from handkd.datasets.sampling.seeding import SampleKey
from handkd.engine import AtomicBackend
from handkd.hints import ConfigError
from handkd.models import CheckpointError, read_checkpoint
from handkd.registry import HOOKS


@HOOKS.register_module()
class WatchHook(Hook):
    """Writes down the learning rate of each step and the images it was given; may interrupt the run."""

    seen: list = []

    def __init__(self, stop=None):
        self.stop = stop

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        ids = [sample.img_id for sample in data_batch['data_samples']]
        joints = [float(sample.gt_instances.keypoints_cam.sum()) for sample in data_batch['data_samples']]
        self.seen.append((runner.iter, runner.optim_wrapper.get_lr()['lr'][0], ids, joints))

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter + 1 == self.stop:
            raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def seen(monkeypatch):
    monkeypatch.setattr(WatchHook, 'seen', [])
    return WatchHook.seen


def weights(path):
    return read_checkpoint(path)['state_dict']


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(value, second[key]) for key, value in first.items())


def by_epoch(cfg, max_epochs=3):
    cfg.train_cfg = dict(by_epoch=True, max_epochs=max_epochs, val_interval=1)
    cfg.default_hooks.checkpoint = dict(type='CheckpointHook', interval=1)
    cfg.param_scheduler = [dict(type='CosineAnnealingLR', T_max=3, by_epoch=True)]
    cfg.train_dataloader.drop_last = False
    return cfg


def test_a_run_with_hooks_of_its_own_is_tested_and_resumed_to_the_bit(tiny_cfg):
    def ema(work_dir, **hooks):
        return tiny_cfg(6, work_dir, ema=dict(type='EMAHook'), **hooks)

    whole = train(ema('whole'))
    assert 'ema_state_dict' in read_checkpoint(whole)
    with pytest.raises(KeyboardInterrupt):
        train(ema('parts', stop=dict(type='WatchHook', stop=5)))
    resumed = train(ema('parts'), resume='auto')
    assert same(weights(whole), weights(resumed))
    assert same(read_checkpoint(whole)['ema_state_dict'], read_checkpoint(resumed)['ema_state_dict'])
    assert evaluate(ema('test'), whole)


def test_checkpoints_are_atomic_and_hooks_are_there_once(tiny_cfg, monkeypatch):
    written = []
    put = AtomicBackend.put
    monkeypatch.setattr(AtomicBackend, 'put', lambda self, obj, path: (written.append(path), put(self, obj, path)))
    cfg = tiny_cfg(2, seed_hook=dict(type='SeedIterationHook'))
    train(cfg)
    assert [str(path).rpartition('/')[2] for path in written] == ['iter_2.pth']


def test_early_stopping_leaves_weights_and_they_are_what_train_returns(tiny_cfg):
    stop = dict(type='EarlyStoppingHook', monitor='EPE_mean', patience=1, min_delta=1e9)
    cfg = tiny_cfg(20, stop=stop)
    cfg.default_hooks.checkpoint.interval = 100
    cfg.train_cfg.val_interval = 2
    checkpoint = train(cfg)
    assert checkpoint == latest_checkpoint(cfg.work_dir) and checkpoint.name == 'iter_4.pth'
    assert read_checkpoint(checkpoint)['meta']['iter'] == 4


@pytest.mark.parametrize('stop', [2, 4, 8])
def test_epochs_end_and_resume_to_the_bit(tiny_cfg, seen, stop):
    whole = train(by_epoch(tiny_cfg(work_dir='whole', watch=dict(type='WatchHook'))))
    steps = list(seen)
    assert whole.name == 'epoch_3.pth' and [step for step, *_ in steps] == list(range(9))
    for first in (0, 3, 6):  # each pass visits every image once; the next one augments it in another way
        assert sorted(i for _, _, ids, _ in steps[first : first + 3] for i in ids) == list(range(10))
    augmented = {(i, value) for _, _, ids, joints in steps for i, value in zip(ids, joints)}
    assert len(augmented) == 30
    rates = [0.5e-3 * (1 + math.cos(math.pi * epoch / 3)) for epoch in range(3) for _ in range(3)]
    assert [rate for _, rate, *_ in steps] == pytest.approx(rates)

    with pytest.raises(KeyboardInterrupt):
        train(by_epoch(tiny_cfg(work_dir='parts', stop=dict(type='WatchHook', stop=stop))), resume='auto')
    assert same(weights(whole), weights(train(by_epoch(tiny_cfg(work_dir='parts')), resume='auto')))


def test_mmengine_s_sampler_loses_neither_augmentation_nor_exact_resuming(tiny_cfg, seen):
    def default(work_dir, **hooks):
        cfg = tiny_cfg(8, work_dir, **hooks)
        cfg.train_dataloader.sampler = dict(type='DefaultSampler', shuffle=True)
        return cfg

    whole = train(default('whole', watch=dict(type='WatchHook')))
    pairs = [(i, value) for _, _, ids, joints in seen for i, value in zip(ids, joints)]
    assert len(set(pairs)) == len(pairs) > len({i for i, _ in pairs})
    with pytest.raises(KeyboardInterrupt):
        train(default('parts', watch=dict(type='WatchHook', stop=5)))
    assert same(weights(whole), weights(train(default('parts'), resume='auto')))


def test_a_new_run_writes_over_nobody_s_checkpoints(tiny_cfg):
    first = train(tiny_cfg(2))
    before = first.read_bytes()
    with pytest.raises(FileExistsError, match=r'run holds iter_2\.pth.*--resume.*--work-dir'):
        train(tiny_cfg(2))
    assert first.read_bytes() == before
    assert train(tiny_cfg(4), resume='auto').name == 'iter_4.pth'


def test_resume_in_the_config_is_that_of_the_command_line(tiny_cfg, seen):
    train(tiny_cfg(2))
    cfg = tiny_cfg(4, watch=dict(type='WatchHook'))
    cfg.resume = True
    train(cfg)
    assert [step for step, *_ in seen] == [2, 3]


def test_a_longer_schedule_holds_from_the_resumed_step_on(tiny_cfg, seen, caplog):
    def cosine(steps):
        cfg = tiny_cfg(steps, watch=dict(type='WatchHook'))
        cfg.param_scheduler = [dict(type='CosineAnnealingLR', by_epoch=False, T_max=steps, end=steps)]
        return cfg

    train(cosine(4))
    seen.clear()
    caplog.set_level(logging.WARNING)
    train(cosine(8), resume='auto')
    expected = [0.5e-3 * (1 + math.cos(math.pi * step / 8)) for step in range(4, 8)]
    assert [rate for _, rate, *_ in seen] == pytest.approx(expected)


def test_another_rate_and_decay_hold_from_the_resumed_step_on(tiny_cfg, seen):
    train(tiny_cfg(4))
    cfg = tiny_cfg(6, watch=dict(type='WatchHook'))
    cfg.param_scheduler, cfg.optim_wrapper.optimizer.lr, cfg.optim_wrapper.optimizer.weight_decay = None, 2e-4, 0.25
    checkpoint = train(cfg, resume='auto')
    assert [rate for _, rate, *_ in seen] == [2e-4, 2e-4]
    assert read_checkpoint(checkpoint)['optimizer']['param_groups'][0]['weight_decay'] == 0.25


def test_weights_alone_cannot_be_resumed(tiny_cfg, tmp_path):
    torch.save({'state_dict': weights(train(tiny_cfg(2, 'start')))}, tmp_path / 'weights.pth')
    with pytest.raises(CheckpointError, match=r'weights\.pth has no .*load_from=PATH'):
        train(tiny_cfg(), resume=str(tmp_path / 'weights.pth'))


@pytest.mark.parametrize('text', ["open(r'{file}', 'w')", "__import__('pathlib').Path(r'{file}').touch()"])
def test_the_text_of_a_config_in_a_checkpoint_is_not_run(tiny_cfg, tmp_path, text):
    path = train(tiny_cfg(2))
    checkpoint = read_checkpoint(path)
    checkpoint['meta']['config'] = 'a = ' + text.format(file=tmp_path / 'ran')
    torch.save(checkpoint, path)
    train(tiny_cfg(4), resume='auto')
    assert not (tmp_path / 'ran').exists()


def test_the_best_by_a_short_name_is_kept_by_the_right_rule(tiny_cfg):
    cfg = tiny_cfg(4)
    cfg.train_cfg.val_interval = 2
    cfg.default_hooks.checkpoint.update(save_best=['EPE_mean', 'AUC_20_50'])
    with pytest.raises(ConfigError, match=r"save_best: no metric is named 'AUC_20_50'; expected one of .'AUC_20-50"):
        train(cfg)
    cfg = tiny_cfg(4)
    cfg.train_cfg.val_interval = 2
    cfg.default_hooks.checkpoint.update(save_best='EPE_mean')
    cfg.custom_hooks = [dict(type='KeepHooks')]
    train(cfg)
    (saver,) = [hook for hook in KeepHooks.found if isinstance(hook, CheckpointHook)]
    assert saver.rules == ['less'] and saver.key_indicators[0].endswith('_21j/EPE_mean')
    assert len(list(latest_checkpoint(cfg.work_dir).parent.glob('best_*EPE_mean*.pth'))) == 1


@HOOKS.register_module()
class KeepHooks(Hook):
    """Hands out the hooks of the last run."""

    found: list = []

    def after_run(self, runner):
        KeepHooks.found = list(runner.hooks)


def test_keys_of_the_finite_sampler_are_those_of_the_stream():
    from handkd.datasets import ReproducibleSampler

    endless, finite = ReproducibleSampler(range(5), seed=3), ReproducibleSampler(range(5), seed=3)
    finite.end_passes()
    stream = iter(endless)
    for epoch in range(3):
        finite.set_epoch(epoch)
        keys = list(finite)
        assert len(keys) == len(finite) == 5 and all(isinstance(key, SampleKey) for key in keys)
        assert [(int(key), key.draw) for key in keys] == [(int(k), k.draw) for k in (next(stream) for _ in range(5))]
