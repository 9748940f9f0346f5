"""Logs are written and read back; what no run has written is named with file and key."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from handkd.apis.result_logs import ResultLog, command_of, config_name, read_log, read_logs, write_log
from handkd.hints import ConfigError

ROOT = Path(__file__).parents[2]
LOG = ResultLog(
    experiment='demo',
    row='rgb',
    label='RGB baseline',
    role='baseline',
    annotations=None,
    config='pmd/demo',
    config_hash='0' * 64,
    options={'train_cfg.max_iters': 3},
    command='handkd stages pmd/demo --only rgb --seeds 0',
    commit='abc',
    machine=dict(cpu='CPU', cores=2),
    seed=0,
    images=12,
    metrics={'px/EPE_mean': 2.0},
    diverged=None,
)


def test_a_log_is_read_as_it_was_written(tmp_path):
    folder = tmp_path / 'demo'
    other = replace(LOG, machine=dict(cpu='CPU', cores=4))
    paths = [write_log(log, folder) for log in (LOG, other)]
    assert len(set(paths)) == 2, 'logs of two machines may lie in one folder'
    assert list(read_logs(folder).values()) == [read_log(path) for path in sorted(paths)]
    assert read_log(paths[0]) == LOG and read_log(paths[1]) == other


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        ('{"experiment": "de', 'not valid JSON'),
        ([1], r'expected a dict, found \[1\]'),
        (dict(sead=1), "unknown key 'sead'; did you mean 'seed'"),
        (dict(seed='0'), "'seed' must be a int, found '0'"),
        (dict(seed=True), "'seed' must be a int, found True"),
        (dict(commit=3), "'commit' must be a str or null, found 3"),
        (dict(machine=dict(cpu='x')), "'machine' must have 'cpu' and 'cores'"),
        (dict(role='basline'), "'role': there is no 'basline'; did you mean 'baseline'"),
        (dict(row='../rgb'), "'row' must be a plain name"),
        (dict(metrics={}), "'metrics' is empty, but the training did not diverge"),
        (dict(metrics={'px/EPE_mean': 'low'}), "'metrics': 'px/EPE_mean' must be a finite number, found 'low'"),
    ],
)
def test_what_no_run_has_written_is_named(tmp_path, change, said):
    data = asdict(LOG) | change if isinstance(change, dict) else change
    (tmp_path / 'rgb-0.json').write_text(data if isinstance(data, str) else json.dumps(data))
    with pytest.raises(ConfigError, match=rf'rgb-0\.json: [^\n]*{said}[^\n]*handkd stages --log'):
        read_log(tmp_path / 'rgb-0.json')


@pytest.mark.parametrize('key', asdict(LOG))
def test_a_missing_key_is_named(tmp_path, key):
    data = asdict(LOG)
    del data[key]
    (tmp_path / 'rgb-0.json').write_text(json.dumps(data))
    with pytest.raises(ConfigError, match=rf"rgb-0\.json: '{key}' is missing"):
        read_log(tmp_path / 'rgb-0.json')


def test_a_log_of_another_experiment_is_refused(tmp_path):
    write_log(LOG, tmp_path / 'other')
    with pytest.raises(ConfigError, match="'experiment' is 'demo', but the folder is that of 'other'"):
        read_logs(tmp_path / 'other')


def test_names_and_commands_have_no_folders_of_the_machine(tmp_path):
    (tmp_path / 'mine.py').write_text('')
    assert config_name(str(tmp_path / 'mine.py')) == 'mine.py'
    assert config_name(str(ROOT / 'configs/pmd/demo.py')) == config_name('configs/pmd/demo') == 'pmd/demo'
    command = command_of(['stages', 'pmd/demo'], 3, {'data_root': '/mnt/here/nyu', 'a.b': 1})
    assert command == 'handkd stages pmd/demo --seeds 3 --cfg-options data_root=nyu a.b=1'
