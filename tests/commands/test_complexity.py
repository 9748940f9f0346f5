"""tools/complexity.py prints what the library counts, at the size that is given."""

import json

import pytest
from mmengine.config import Config

from handkd.apis.complexity import measure_config
from handkd.commands.complexity import main

NETWORK = dict(
    type='HandPoseEstimator',
    backbone=dict(type='HandResNet', depth=18, stem='imagenet', base_channels=8),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='PMDHead', in_channels=64, codec=dict(type='RootRelativeXYZ')),
)
TEST_SET = dict(dataset=dict(pipeline=[dict(type='WarpCrop', size=64)]))


def test_json_and_lines(tmp_path, capsys):
    config = tmp_path / 'small.py'
    config.write_text(f"default_scope = 'handkd'\ntest_dataloader = {TEST_SET!r}\nmodel = {NETWORK!r}\n")
    main([str(config), '--json'])
    printed = json.loads(capsys.readouterr().out)
    assert printed == measure_config(Config.fromfile(config))._asdict()
    main([str(config), '--shape', '64', '128'])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith('1 x 64 x 128 px')
    counted = measure_config(Config.fromfile(config), (64, 128))
    assert f'{counted.params:,}' in lines[1] and f'{counted.macs:,}' in lines[2]
    with pytest.raises(SystemExit, match='2'):
        main([str(config), '--shape', '64', '64', '3'])
    assert '--shape takes a side, or height and width, in px; found [64, 64, 3]' in capsys.readouterr().err
