"""Shipped configs by name, from any folder."""

from pathlib import Path

import pytest

from handkd.apis.config_report import base_files
from handkd.apis.stages import read_stages
from handkd.config import load_config
from handkd.config_files import config_names, config_summary, find_config, method_title
from handkd.hints import ConfigError
from handkd.shipped import shipped

DEMO = shipped('configs') / 'pmd' / 'demo.py'


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    'name', ['pmd/demo', 'pmd/demo.py', 'configs/pmd/demo.py', 'handkd::pmd/demo.py', Path('pmd/demo')]
)
def test_a_name_has_many_forms(name):
    assert find_config(name) == DEMO


def test_a_file_wins_over_a_name_except_in_a_base(tmp_path):
    (tmp_path / 'pmd').mkdir()
    (tmp_path / 'pmd' / 'demo.py').touch()
    assert find_config('pmd/demo.py') == Path('pmd/demo.py') and find_config('handkd::pmd/demo.py') == DEMO


@pytest.mark.parametrize(
    ('name', 'said'),
    [
        ('demo', "none of this name in handkd; did you mean 'pmd/demo'"),
        ('ekd/resnet50_lmm', "did you mean 'ekd/resnet50_lm'"),
        ('../configs/pmd/demo', 'no config at'),
        ('/pmd/demo', 'no config at /pmd/demo'),
        (str(DEMO.with_name('demoo.py')), "did you mean 'demo.py'"),
    ],
)
def test_a_wrong_name_is_answered_by_the_nearest(name, said):
    with pytest.raises(FileNotFoundError, match=said):
        find_config(name)


def test_every_config_has_a_name_and_a_summary():
    names = config_names()
    assert len(names) > 80 and not any(name.startswith('_base_') for name in names)
    assert [name for name in names if not config_summary(name)] == []
    assert {method_title(name.partition('/')[0]) != '' for name in names} == {True}


def test_bases_by_name_give_the_config_itself(tmp_path):
    (tmp_path / 'one.py').write_text("_base_ = 'handkd::pmd/resnet18half_studio.py'\n")
    bases = ['runtime', 'models/pmd_resnet18half', 'datasets/studio', 'schedules/pmd_studio', 'stages/pmd']
    many = [f'handkd::_base_/{name}.py' for name in bases]
    teacher = load_config('pmd/resnet18half_studio').model.teachers.depth.checkpoint
    (tmp_path / 'many.py').write_text(
        f'_base_ = {many}\nmodel = dict(teachers=dict(depth=dict(checkpoint={teacher!r})))\n'
    )
    expected = load_config('pmd/resnet18half_studio').to_dict()
    assert load_config('one.py').to_dict() == expected and load_config('many.py').to_dict() == expected
    assert [*base_files('one.py')][-2:] == [DEMO.with_name('resnet18half_studio.py'), Path('one.py')]
    (tmp_path / 'wrong.py').write_text("_base_ = ['handkd::pmd/demoo.py']\n")
    with pytest.raises(ConfigError, match="wrong.py: no config at handkd::pmd/demoo.py.* did you mean 'pmd/demo'"):
        load_config('wrong.py')


def test_stages_by_name_run_the_configs_beside_it_or_by_name(tmp_path):
    assert {stage.config.parent for stage in read_stages('nvs/resnet50_folder')} == {shipped('configs') / 'nvs'}
    (tmp_path / 'own.py').write_text(
        "_base_ = 'handkd::pmd/resnet18half_studio.py'\n"
        "run = dict(name='a', label='a', role='baseline', config='handkd::pmd/demo.py')\n"
        'stages = dict(_delete_=True, runs=[run])\n'
    )
    assert [stage.config for stage in read_stages('own.py')] == [DEMO]
