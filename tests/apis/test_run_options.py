"""Options of the command line reach the config, and unreadable ones are named."""

import argparse
from pathlib import Path

import pytest

from handkd.apis.run_options import OptionsAction, add_run_options, config_from_args
from handkd.config import load_config

ROOT = Path(__file__).parents[2]


def test_options_reach_the_config(tmp_path, monkeypatch):
    monkeypatch.setenv('LOCAL_RANK', '0')
    parser = argparse.ArgumentParser()
    parser.add_argument('config')
    add_run_options(parser)
    config = 'tests/configs/plain_rgb_studio.py'
    monkeypatch.chdir(ROOT)
    args = parser.parse_args(
        [config, '--work-dir', str(tmp_path / 'w'), '--cfg-options', 'model.head.beta=2.0', 'train_cfg.max_iters=5']
    )
    cfg = config_from_args(args)
    assert (cfg.model.head.beta, cfg.train_cfg.max_iters, cfg.work_dir) == (2.0, 5, str(tmp_path / 'w'))


def test_an_option_without_a_value_is_named(capsys):
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=OptionsAction)
    assert parser.parse_args(['--cfg-options', 'a.b=1', 'c=x']).cfg_options == {'a.b': 1, 'c': 'x'}
    with pytest.raises(SystemExit):
        parser.parse_args(['--cfg-options', 'a.b=1', 'train_cfg'])
    assert "--cfg-options takes KEY=VALUE, found 'train_cfg'" in capsys.readouterr().err


def test_a_dict_in_an_option_reaches_the_config(tmp_path, monkeypatch):
    monkeypatch.setenv('LOCAL_RANK', '0')
    parser = argparse.ArgumentParser()
    parser.add_argument('config')
    add_run_options(parser)
    args = parser.parse_args(
        [
            str(ROOT / 'tests/configs/plain_rgb_studio.py'),
            f'--work-dir={tmp_path}',
            '--cfg-options',
            "custom_hooks=[dict(type='EMAHook', momentum=0.5)]",
            'train_cfg=dict(_delete_=True, by_epoch=True, max_epochs=2)',
            'default_hooks.checkpoint=dict(save_best=auto)',
        ]
    )
    cfg = config_from_args(args)
    assert cfg.custom_hooks == [dict(type='EMAHook', momentum=0.5)]
    assert cfg.train_cfg == dict(by_epoch=True, max_epochs=2)
    assert cfg.default_hooks.checkpoint.save_best == 'auto' and cfg.default_hooks.checkpoint.type == 'CheckpointHook'


@pytest.mark.parametrize('value', ['[dict(type=f(1))]', '[[1,2', '{1', 'dict(1)'])
def test_a_value_that_can_not_be_read_is_one_line_with_the_way_out(value, capsys):
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=OptionsAction)
    with pytest.raises(SystemExit):
        parser.parse_args(['--cfg-options', f'custom_hooks={value}'])
    last = capsys.readouterr().err.splitlines()[-1]
    assert '--cfg-options custom_hooks: ' in last and 'or write it in your own config file' in last


@pytest.mark.parametrize(
    'options', [['train_cfg.by_epoch=True', 'train_cfg.max_epochs=2'], ['train_cfg=dict(by_epoch=True, max_epochs=2)']]
)
def test_epochs_on_the_command_line_take_the_place_of_steps(options, tmp_path, monkeypatch):
    lines = []
    monkeypatch.setattr('handkd.config.print_log', lambda line, *_: lines.append(line))
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=OptionsAction)
    config = ROOT / 'tests/configs/plain_rgb_studio.py'
    steps = load_config(config).train_cfg.max_iters
    train_cfg = load_config(config, parser.parse_args(['--cfg-options', *options]).cfg_options).train_cfg
    assert train_cfg.max_epochs == 2 and 'max_iters' not in train_cfg
    assert f'max_epochs=2 replaces max_iters={steps}' in lines[-1] and 'now counts epochs' in lines[-1]
    with_both = load_config(config, {'train_cfg.max_epochs': 2}).train_cfg  # which is meant is not known
    assert with_both.max_iters == steps
