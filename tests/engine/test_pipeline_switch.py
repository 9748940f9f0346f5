"""Another pipeline from an epoch on; through a training: tests/apis/test_runs_mmpose.py."""

import logging
from types import SimpleNamespace

import pytest
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop

from handkd.datasets import SeededSamples
from handkd.engine import PipelineSwitchHook
from handkd.hints import ConfigError


def make_runner(kind, dataset, epoch=0):
    loop = kind.__new__(kind)
    loop.dataloader = SimpleNamespace(dataset=dataset, _iterator=None)
    return SimpleNamespace(train_loop=loop, epoch=epoch, logger=logging.getLogger('test'))


@pytest.mark.parametrize(('epoch', 'switched'), [(1, False), (2, True), (5, True)])
def test_it_switches_at_its_epoch_and_in_runs_resumed_after_it(epoch, switched):
    dataset = SimpleNamespace(pipeline='first')
    hook, runner = PipelineSwitchHook(2, []), make_runner(EpochBasedTrainLoop, SeededSamples(dataset), epoch)
    hook.before_train(runner)
    hook.before_train_epoch(runner)
    hook.before_train_epoch(runner)
    assert (dataset.pipeline != 'first') == switched


@pytest.mark.parametrize(
    ('kind', 'dataset', 'error'),
    [
        (IterBasedTrainLoop, SimpleNamespace(pipeline=()), 'switches at an epoch, but train_cfg counts steps'),
        (EpochBasedTrainLoop, SimpleNamespace(), 'SimpleNamespace has no pipeline of its own'),
    ],
)
def test_what_can_not_be_switched(kind, dataset, error):
    with pytest.raises(ConfigError, match=error):
        PipelineSwitchHook(2, []).before_train(make_runner(kind, dataset))
