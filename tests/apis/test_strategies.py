"""Strategies of a training on several processes, and what does not go with them."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config

from handkd.apis.run_checks import check_training
from handkd.apis.strategies import check_all_learn, shards
from handkd.hints import ConfigError

FSDP = dict(type='FSDPStrategy')


def config(strategy, **own):
    return Config(dict(strategy=strategy, launcher='pytorch', train_cfg=dict(by_epoch=False, max_iters=1), **own))


@pytest.mark.parametrize('strategy', [None, FSDP, dict(type='DDPStrategy'), dict(type='SingleDeviceStrategy')])
def test_known_ones(strategy):
    check_training(config(strategy))
    assert shards(config(strategy)) == (strategy == FSDP)


@pytest.mark.parametrize(
    ('cfg', 'error'),
    [
        (config('FSDPStrategy'), r"strategy must be a dict such as dict\(type='FSDPStrategy'\), found 'FSDPStrategy'"),
        (config(dict(type='FSDPStrateg')), r"did you mean 'FSDPStrategy'"),
        (config(dict(FSDP, state_dict_cfg='full')), "strategy: .*'state_dict_cfg'"),
        (config(dict(type='DeepSpeedStrategy', zero_optimization=dict(stage=2))), 'DeepSpeedStrategy is not supported'),
        (dict(config(FSDP), launcher='none'), r'start them with tools/dist_train\.sh'),
        (config(FSDP, custom_hooks=[dict(type='EMAHook')]), 'can not average weights: leave out EMAHook'),
        (config(FSDP, compile=True), 'does not go with compile'),
    ],
)
def test_others_are_refused_with_a_remedy(cfg, error):
    with pytest.raises(ConfigError, match=error):
        check_training(Config(dict(cfg)))


def test_a_process_may_not_leave_out_divided_weights():
    learnt = SimpleNamespace(training_only=torch.nn.Linear(1, 1))
    mixed = SimpleNamespace(optional=('depth',))
    check_all_learn(learnt, SimpleNamespace()), check_all_learn(torch.nn.Linear(1, 1), mixed)
    with pytest.raises(ConfigError, match='samples of SimpleNamespace may lack depth'):
        check_all_learn(learnt, mixed)
