import re
from pathlib import Path

import pytest

from handkd.apis.stages import read_stages, run_stages
from handkd.hints import ConfigError


@pytest.mark.parametrize(
    ('old', 'new', 'message'),
    [
        ("role='baseline'", "role='basline'", "stage 'baseline': role: there is no 'basline'; did you mean 'baseline'"),
        ("label='Baseline'", "lable='Baseline'", "unknown key 'lable'; did you mean 'label'"),
        (
            "deep='teacher'",
            "deep='techer'",
            r"comes from 'techer', but the stages before it are \['teacher', 'baseline'\]",
        ),
        ("name='baseline'", "name='teacher'", 'two stages of this name'),
        (
            "config='baseline.py',\n",
            "config='{net}.py',\n",
            r"stage 'baseline': its config '{net}\.py' needs stages\.names\['net'\]",
        ),
        (
            "deep='teacher')",
            "deep='teacher'), start='basline'",
            r"stage 'student': it starts from 'basline', but the stages before it are \['teacher', 'baseline'\]",
        ),
        ('config=None', "config=None, start='student'", "it starts from 'student'"),
        (
            "config='baseline.py',\n",
            "config='baseline.py', otherwise='{net}.py',\n",
            r"stage 'baseline': its config '{net}\.py' needs stages\.names\['net'\]",
        ),
        ('runs=[', 'run=[', "unknown key 'run'; did you mean 'runs'"),
    ],
)
def test_wrong_stages_are_named(stages_config, old, new, message):
    stages_config.write_text(stages_config.read_text().replace(old, new))
    with pytest.raises(ConfigError, match=message):
        read_stages(stages_config)


def test_a_config_without_stages(stages_config):
    with pytest.raises(ConfigError, match=r'baseline\.py has no `stages`'):
        read_stages(stages_config.with_name('baseline.py'))


CONFIGS = Path(__file__).parents[2] / 'configs'
WITH_STAGES = [
    path for path in CONFIGS.glob('[!_]*/*.py') if re.search(r'/stages/|^stages = dict', path.read_text(), re.M)
]


def test_all_methods_have_stages():
    assert {'demo', 'cpm8_studio', 'cpm2d_rhd'} <= {path.stem for path in WITH_STAGES}


def test_options_of_the_command_line_replace_those_of_a_stage():
    given = {'train_cfg.max_iters': 5, 'model.distillers.mask.fraction': 0.5}
    stages = {stage.name: stage.options for stage in read_stages(CONFIGS / 'pi/cpm2d8_studio.py', given)}
    assert all(options['train_cfg.max_iters'] == 5 for options in stages.values())
    assert stages['rgb']['train_cfg.val_interval'] == 250 and stages['mask02']['model.distillers.mask.fraction'] == 0.5
    assert stages['mimic']['model.distillers.mask'] is None, 'what a stage leaves out stays out'
    assert 'model.distillers.mask.fraction' not in stages['mimic']


def test_a_stage_trains_one_network(stages_config):
    text = stages_config.read_text()
    stages_config.write_text(text.replace("name='baseline',", "name='baseline', baseline=True, teacher='depth',"))
    with pytest.raises(ConfigError, match=r"stage 'baseline': baseline=True and teacher='depth': keep one of them"):
        read_stages(stages_config)


@pytest.mark.parametrize('path', WITH_STAGES, ids=lambda path: f'{path.parent.name}/{path.stem}')
def test_shipped_stages_name_configs_that_are_there(path):
    stages = read_stages(path)
    assert len(stages) >= 2  # where no network teaches: the baseline and the student
    for stage in stages:
        assert stage.config.is_file() and (stage.otherwise is None or stage.otherwise.is_file())


BUDGETS = """
_base_ = './baseline.py'
stages = dict(
    options={'train_cfg.max_iters': 2},
    runs=[
        dict(name='s_64', label='supervised', role='baseline', annotations=64, config='baseline.py'),
        dict(name='s_320', label='supervised', role='baseline', annotations=320, config='baseline.py'),
    ],
)
"""


@pytest.fixture
def budgets(stages_config):
    stages_config.with_name('budgets.py').write_text(BUDGETS)
    return stages_config.with_name('budgets.py')


def test_a_stage_knows_how_many_labels_it_may_use(budgets, stages_config, tmp_path):
    assert [result.annotations for result in run_stages(read_stages(budgets), tmp_path / 'out')] == [64, 320]
    assert [stage.annotations for stage in read_stages(stages_config)] == [None, None, None]


@pytest.mark.parametrize(
    ('old', 'new', 'message'),
    [
        ('annotations=320', 'annotations=64', "stage 's_320': 's_64' has the label 'supervised' and 64 annotations as"),
        ('annotations=64', 'annotations=0', "stage 's_64': annotations must be a positive whole number of labels, fou"),
        ('annotations=64', "annotations='all'", "positive whole number of labels, found 'all'"),
        ('annotations=64', 'annotation=64', "unknown key 'annotation'; did you mean 'annotations'"),
    ],
)
def test_wrong_numbers_of_annotations_are_named(budgets, old, new, message):
    budgets.write_text(budgets.read_text().replace(old, new))
    with pytest.raises(ConfigError, match=message):
        read_stages(budgets)


def test_a_run_with_a_budget_is_a_stage_for_each_number(budgets):
    old = "name='s_320', label='supervised', role='baseline', annotations=320"
    new = "name='t', label='other', role='variant', budget='train_cfg.val_interval'"
    text = budgets.read_text().replace(old, new)
    budgets.write_text(text.replace('stages = dict(', 'stages = dict(\n    annotations=[8, 2],'))
    plain, *spread = read_stages(budgets)
    assert [(stage.name, stage.annotations) for stage in spread] == [('t_8', 8), ('t_2', 2)]
    assert spread[0].options == plain.options | {'train_cfg.val_interval': 8}
    budgets.write_text(text)
    with pytest.raises(ConfigError, match="stage 't' has a budget, but stages.annotations names no number"):
        read_stages(budgets)
    budgets.write_text(text.replace('budget=', 'budgte='))
    with pytest.raises(ConfigError, match="unknown key 'budgte'; did you mean 'budget'"):
        read_stages(budgets)
