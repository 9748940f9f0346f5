"""The tool prints what train.py would run, for a config and for what is derived from it."""

from pathlib import Path

import pytest
from mmengine.config import Config

from handkd.baseline import derived_config
from handkd.commands import print_config
from handkd.config import load_config

ROOT = Path(__file__).parents[2]
CONFIG = str(ROOT / 'configs/pmd/resnet18half_studio.py')


@pytest.mark.parametrize(
    ('words', 'derived'),
    [([], {}), (['--baseline'], dict(baseline=True)), (['--teacher', 'depth'], dict(teacher='depth'))],
)
def test_what_is_printed_is_what_runs(words, derived, tmp_path, capsys):
    main = print_config.main
    main([CONFIG, *words])
    (tmp_path / 'printed.py').write_text(capsys.readouterr().out)
    printed = Config.fromfile(tmp_path / 'printed.py')
    assert printed.model == derived_config(load_config(CONFIG), **derived).model
