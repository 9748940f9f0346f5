"""The command that writes a data set."""

from __future__ import annotations

import pytest

from handkd.apis.cli import run_cli
from handkd.commands import write_dataset


def test_a_set_is_written_whole_and_counted(tmp_path, capsys):
    write_dataset.main(['--layout', 'rhd', '--out', str(tmp_path / 'RHD'), '--num', '2', '--seed', '1'])
    assert len(list((tmp_path / 'RHD').rglob('*.png'))) == 12
    assert sorted(path.name for path in tmp_path.rglob('*.pickle')) == [
        'anno_evaluation.pickle',
        'anno_training.pickle',
    ]
    assert 'RHD: 2 samples in training, 2 samples in evaluation' in capsys.readouterr().out


def test_what_cannot_be_written_is_said(tmp_path):
    with pytest.raises(ValueError, match="did you mean 'nyu'"):
        write_dataset.main(['--layout', 'nyuu', '--out', str(tmp_path / 'x'), '--num', '2'])
    (tmp_path / 'there').write_text('')
    with pytest.raises(OSError, match='name another folder with --out'):
        write_dataset.main(['--layout', 'nyu', '--out', str(tmp_path / 'there' / 'x'), '--num', '2'])
    with pytest.raises(FileExistsError, match='empty folder, found files in it; choose another, or delete'):
        write_dataset.main(['--layout', 'nyu', '--out', str(tmp_path), '--num', '2'])


def test_an_interrupted_one_is_said_to_be_a_part(tmp_path, capsys, monkeypatch):
    def write_layout(*_args):
        yield dict(split='training')
        raise KeyboardInterrupt

    monkeypatch.setattr(write_dataset, 'write_layout', write_layout)
    with pytest.raises(SystemExit) as end:
        run_cli(write_dataset.main, ['--layout', 'rhd', '--out', str(tmp_path / 'RHD'), '--num', '2'])
    assert end.value.code == 130
    assert f'{tmp_path / "RHD"} is a part of a data set: delete it before' in capsys.readouterr().err
