"""The command that writes a data set."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

TOOL = runpy.run_path(str(Path(__file__).parents[2] / 'tools' / 'write_dataset.py'))


def test_a_set_is_written_whole_and_counted(tmp_path, capsys):
    TOOL['main'](['--layout', 'rhd', '--out', str(tmp_path / 'RHD'), '--num', '2', '--seed', '1'])
    assert len(list((tmp_path / 'RHD').rglob('*.png'))) == 12
    assert sorted(path.name for path in tmp_path.rglob('*.pickle')) == [
        'anno_evaluation.pickle',
        'anno_training.pickle',
    ]
    assert 'RHD: 2 samples in training, 2 samples in evaluation' in capsys.readouterr().out


def test_what_cannot_be_written_is_said(tmp_path):
    with pytest.raises(ValueError, match="did you mean 'nyu'"):
        TOOL['main'](['--layout', 'nyuu', '--out', str(tmp_path / 'x'), '--num', '2'])
    (tmp_path / 'there').write_text('')
    with pytest.raises(FileExistsError, match='empty folder'):
        TOOL['main'](['--layout', 'nyu', '--out', str(tmp_path), '--num', '2'])
