"""The tool that makes backgrounds: from a config, with options, told in a line."""

from pathlib import Path

import numpy as np
import pytest

from handkd.commands import median_backgrounds

ROOT = Path(__file__).parents[2]
CONFIG = """
default_scope = 'handkd'
train_dataloader = dict(
    batch_size=4,
    sampler=dict(type='ViewGroupSampler', groups=1),
    dataset=dict(
        type='StudioRigDataset', split='train', subjects=1, sequences=2, frames=4, views=2, resolution=32, pace=2,
        pipeline=[dict(type='LoadBackground', folder={folder!r})],
    ),
)
"""


def test_a_config_from_the_command_line(tmp_path, capsys):
    path, folder = tmp_path / 'mine.py', str(tmp_path / 'backgrounds')
    path.write_text(CONFIG.format(folder=folder))
    median_backgrounds.main([str(path), '--frames', '3', '--memory', '1'])
    assert capsys.readouterr().out.splitlines()[-1] == f'{folder}: 4 backgrounds, 4 of them made now'
    median_backgrounds.main([str(path), '--frames', '3'])
    assert capsys.readouterr().out.splitlines()[-1] == f'{folder}: 4 backgrounds, 0 of them made now'
    assert np.load(tmp_path / 'backgrounds/train_0001/01.npy').shape == (32, 32, 3)
    more = 'train_dataloader.dataset.sequences=3'
    median_backgrounds.main([str(path), '--frames', '3', '--cfg-options', 'train_dataloader.dataset.seed=1', more,
                  f'train_dataloader.dataset.pipeline.0.folder={folder}2'])  # fmt: skip
    assert capsys.readouterr().out.splitlines()[-1] == f'{folder}2: 6 backgrounds, 6 of them made now'
    with pytest.raises(ValueError, match='frames must be at least 1'):
        median_backgrounds.main([str(path), '--frames', '0'])
