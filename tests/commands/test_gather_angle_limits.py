"""The tool that gathers limits of joint angles: where they go, and what it prints."""

from pathlib import Path

import numpy as np
import pytest

from handkd.artifacts.angle_limits import gather_limits
from handkd.commands import gather_angle_limits
from handkd.geometry import AngleLimits

ROOT = Path(__file__).parents[2]
CONFIG = str(ROOT / 'configs/pmd/resnet18half_studio.py')
LENGTH = 'train_dataloader.dataset.length=20'
SET = dict(type='StudioDataset', split='train', length=20)


def test_the_file_and_the_table(tmp_path, capsys):
    out = tmp_path / 'limits' / 'mine.json'
    gather_angle_limits.main([CONFIG, '--out', str(out), '--percentile', '10', '--cfg-options', LENGTH])
    limits = AngleLimits.read(out)
    assert np.array_equal(limits.low, gather_limits(SET, 10).low) and limits.source['percentile'] == 10
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ['degrees', 'theta0', 'theta1', 'theta2', 'theta3']
    assert [line.split()[0] for line in lines[1:6]] == ['thumb', 'index', 'middle', 'ring', 'little']
    low, high = np.degrees(np.arccos([limits.high[1, 2], limits.low[1, 2]]))
    assert f'{low:.1f} .. {high:.1f}' in lines[2]
    assert lines[6].startswith('from 20 hands of StudioDataset, train') and lines[7] == str(out)


def test_the_configs_own_file_and_percentile_are_the_defaults(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    gather_angle_limits.main([CONFIG, '--cfg-options', LENGTH])
    (file,) = Path('work_dirs/angle_limits').glob('resnet18half_studio_*.json')
    default = AngleLimits.read(file)
    assert default.source['percentile'] == 0 and np.array_equal(default.high, gather_limits(SET).high)
    own = 'angle_limits.file=own.json'
    gather_angle_limits.main([CONFIG, '--cfg-options', LENGTH, own, 'angle_limits.percentile=5'])
    assert AngleLimits.read('own.json').source['percentile'] == 5
    gather_angle_limits.main([CONFIG, '--percentile', '0', '--cfg-options', LENGTH, own, 'angle_limits.percentile=5'])
    assert AngleLimits.read('own.json').source['percentile'] == 0


def test_wrong_options(tmp_path):
    with pytest.raises(ValueError, match="angle_limits: unknown key 'fil'; did you mean 'file'"):
        gather_angle_limits.main([CONFIG, '--cfg-options', 'angle_limits.fil=x.json'])
    with pytest.raises(ValueError, match='percentile must be from 0 to less than 50'):
        gather_angle_limits.main(
            [CONFIG, '--out', str(tmp_path / 'x.json'), '--percentile', '60', '--cfg-options', LENGTH]
        )
    assert not (tmp_path / 'x.json').exists()
