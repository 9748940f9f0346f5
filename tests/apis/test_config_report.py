"""A resolved config is printed so that it can be run, with the files that its entries come from."""

from pathlib import Path

import pytest
from mmengine.config import Config

from handkd.apis.config_report import base_files, config_text
from handkd.config import load_config

CONFIGS = Path(__file__).parents[2] / 'configs'


def test_entries_are_printed_with_the_files_that_set_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'a.py').write_text("model = dict(type='A')\nother = 1\n")
    (tmp_path / 'b.py').write_text("_base_ = ['./a.py']\nmodel = dict(size=2)\n")
    assert list(base_files(tmp_path / 'b.py')) == [tmp_path / 'a.py', tmp_path / 'b.py']
    cfg = Config.fromfile(tmp_path / 'b.py')
    cfg.work_dir = 'x'
    assert config_text(cfg, tmp_path / 'b.py').split('\n\n') == [
        "# a.py, b.py\nmodel = dict(size=2, type='A')",
        '# a.py\nother = 1',
        "# set by the command\nwork_dir = 'x'\n",
    ]


@pytest.mark.parametrize('path', ['ekd/resnet50_studio.py', 'pi/cpm2d8_studio.py', 'weakseg/dense_weak_studio.py'])
def test_what_is_printed_is_a_config_of_the_same_content(tmp_path, path):
    cfg = load_config(CONFIGS / path)
    (tmp_path / 'printed.py').write_text(config_text(cfg, CONFIGS / path))
    printed = Config.fromfile(tmp_path / 'printed.py')
    assert printed.to_dict() == cfg.to_dict()
