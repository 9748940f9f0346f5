"""Linear maps from what an encoder has learnt to poses, from the command line."""

import re

import pytest
import torch
from mmengine.config import Config

from handkd.commands import probe
from handkd.registry import MODELS


@pytest.fixture
def run(tmp_path) -> str:
    """Work dir of an untrained network."""
    model = dict(
        type='HandPoseEstimator',
        backbone=dict(type='GeometryEncoder', depth=18, input_size=64, base_channels=4, num_points=5, appearance=4),
        head=dict(type='LatentPoseHead', in_channels=15, hidden=(4,), codec=dict(type='RootRelativeXYZ')),
    )
    pack = dict(type='PackHandInputs')
    hands = dict(type='StudioRigDataset', subjects=1, sequences=1, frames=7, views=2, resolution=64, pipeline=[pack])
    cfg = dict(
        model=model,
        train_dataloader=dict(dataset=dict(hands, split='train')),
        test_dataloader=dict(dataset=dict(hands, split='test')),
    )
    folder = tmp_path / 'net'
    folder.mkdir()
    Config(cfg).dump(folder / 'config.py')
    torch.save({'state_dict': MODELS.build(model).state_dict()}, folder / 'iter_5.pth')
    return str(folder)


def test_the_table(run, capsys):
    probe.main([run, '--num', '12', '--untrained', '--labels', 'a'])
    rows = [re.split(r' {2,}', line) for line in capsys.readouterr().out.splitlines()]
    assert rows[0] == ['N-MPJPE (mm)', 'a', 'a, untrained']
    assert [row[0] for row in rows[2:]] == [
        'chance: the mean pose', 'from L_app of another moment', 'from L_app', 'from L_3D', 'images: fitted / tested',
    ]  # fmt: skip
    assert rows[6][1:] == ['12 / 12'] * 2 and rows[2][1] == rows[2][2]


def test_bad_input_is_named(run, capsys):
    for args, message in (
        ([run, '--num', '9'], '--num must be at least 10, found 9'),
        ([run, '--labels', 'a', 'b'], '--labels must name each of the 1 runs, found 2'),
        ([run, run], "different names, found ['net', 'net']"),
    ):
        with pytest.raises(SystemExit):
            probe.main(args)
        assert message in capsys.readouterr().err
