"""The command handkd: its table, its help, and its errors; tests/test_wheel.py starts it as a process."""

import runpy
import sys
from importlib.util import find_spec

import pytest

import handkd
from handkd import cli

MODULES = {path.stem for path in (cli.Path(cli.__file__).parent / 'commands').glob('*.py')} - {'__init__'}


def test_every_command_is_in_the_table_with_a_line():
    assert set(cli.COMMANDS.values()) == MODULES
    lines = cli.help_text().splitlines()
    for name, module in cli.COMMANDS.items():
        assert find_spec(f'handkd.commands.{module}') and f'  {name:11}  {cli.summary(module)}' in lines
        assert 10 < len(cli.summary(module)) < 120


def test_help_and_version(capsys):
    for words in ([], ['-h'], ['--help']):
        cli.main(words)
        assert capsys.readouterr().out.startswith('usage: handkd COMMAND')
    cli.main(['--version'])
    assert capsys.readouterr().out == f'handkd {handkd.__version__}\n'


@pytest.mark.parametrize('name', ['config', 'print_config', 'print-config'])
def test_a_short_name_and_a_long_one_are_one_command(name, capsys, monkeypatch):
    monkeypatch.setattr(sys, 'argv', [])
    with pytest.raises(SystemExit) as end:
        cli.main([name, '--help'])
    out = capsys.readouterr().out
    assert end.value.code == 0 and out.startswith(f'usage: handkd {name} ') and 'handkd config ekd/resnet50_lm' in out


def test_a_wrong_command_and_wrong_options_end_with_status_2(capsys, monkeypatch):
    monkeypatch.setattr(sys, 'argv', [])
    for words, said in ((['trian'], "no 'trian'; did you mean 'train'"), (['train'], 'handkd train: error: ')):
        with pytest.raises(SystemExit) as end:
            cli.main(words)
        assert end.value.code == 2 and said in capsys.readouterr().err


def test_the_package_runs_as_the_command(capsys, monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['handkd', '--version'])
    runpy.run_module('handkd', run_name='__main__')
    assert capsys.readouterr().out == f'handkd {handkd.__version__}\n'
