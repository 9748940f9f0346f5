"""What a checkpoint tells of its training."""

import pytest
import torch

from handkd.config import load_config
from handkd.export.training_facts import changed_settings, training_facts
from handkd.hints import ConfigError


def test_the_command_repeats_the_training(tmp_path):
    cfg = load_config('photo/resnet18half_studio', {'train_cfg.max_iters': 7})
    meta = dict(seed=3, iter=7, samples=448, cfg=load_config('photo/resnet18half_studio').pretty_text)
    torch.save(dict(state_dict={}, meta=meta), tmp_path / 'a.pth')
    facts = training_facts('photo/resnet18half_studio', cfg, tmp_path / 'a.pth', ['train_cfg.max_iters=7'])
    assert facts == dict(
        config='photo/resnet18half_studio',
        seed=3,
        steps=7,
        images=448,
        command='handkd train photo/resnet18half_studio --work-dir work_dirs/resnet18half_studio '
        '--cfg-options train_cfg.max_iters=7 randomness.seed=3',
        other_settings=['train_cfg'],
    )


def test_settings_are_compared_whatever_the_order_of_their_keys():
    one = "model = dict(a=1, b=[dict(c='x', d=(1, 2))])\nwork_dir = 'a'\ntrain_cfg = dict(max_iters=3)\n"
    other = "train_cfg = dict(max_iters=4)\nmodel = dict(b=[dict(d=[1, 2], c='x')], a=1)\nwork_dir = 'b'\n"
    assert changed_settings(one, one) == [] and changed_settings(one, other) == ['train_cfg']


def test_weights_of_an_unknown_training_are_refused(tmp_path):
    torch.save({'state_dict': {}}, tmp_path / 'a.pth')
    with pytest.raises(ConfigError, match=r"a.pth: its training is unknown, \['seed', 'iter', 'samples', 'cfg'\]"):
        training_facts('x', load_config('photo/resnet18half_studio'), tmp_path / 'a.pth')
