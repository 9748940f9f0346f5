import json
import shutil
from pathlib import Path

import pytest

from handkd.apis import stages as module
from handkd.apis.stages import read_stages, run_stages, select_stages
from handkd.hints import ConfigError
from handkd.models import read_checkpoint

STUDENT = """
_base_ = './twin.py'
model = dict(_delete_=True, type='DistilledEstimator', student=_base_.model,
             teachers=dict(deep=dict(model=_base_.model, checkpoint='nowhere.pth')),
             distillers=dict(feat=dict(type='FeatureMimic', layer='neck', teacher='deep')))
stages = dict(
    options={'train_cfg.max_iters': 3},
    runs=[
        dict(name='teacher', label='Teacher', role='teacher', config='twin.py', options={'train_cfg.max_iters': 4}),
        dict(name='twin', label='Twin', role='twin', config='twin.py'),
        dict(name='student', label='Student', role='student', config=None, teachers=dict(deep='teacher')),
    ],
)
"""


@pytest.fixture
def config(tiny_cfg, tmp_path):
    twin = tiny_cfg()
    twin.pop('work_dir'), twin.pop('experiment_name')
    twin.dump(tmp_path / 'twin.py')
    (tmp_path / 'student.py').write_text(STUDENT)
    return tmp_path / 'student.py'


def test_stages_hand_over_their_checkpoints_and_end_in_results(config, tmp_path):
    results = list(run_stages(read_stages(config), tmp_path / 'out', seed=3))
    assert [r.name for r in results] == ['teacher', 'twin', 'student']
    assert [r.checkpoint.name for r in results] == ['iter_4.pth', 'iter_3.pth', 'iter_3.pth']
    assert all(r.metric('EPE_mean') > 0 and r.predictions.is_file() for r in results)
    student = results[2].work_dir
    logged = [path.read_text() for path in student.glob('*/vis_data/config.py')]
    assert any(str(results[0].checkpoint) in text for text in logged)
    assert all('seed=3' in text for text in logged)


def test_what_is_finished_is_kept_and_what_is_not_goes_on(config, tmp_path, monkeypatch):
    stages = read_stages(config)
    whole = list(run_stages(stages, tmp_path / 'whole'))

    calls = []
    real = module.train

    def interrupted(cfg, resume):
        calls.append(cfg.work_dir)
        if len(calls) == 2:
            cfg.train_cfg.max_iters = 2
            real(cfg, resume)
            raise KeyboardInterrupt
        return real(cfg, resume)

    monkeypatch.setattr(module, 'train', interrupted)
    with pytest.raises(KeyboardInterrupt):
        list(run_stages(stages, tmp_path / 'parts'))
    resumed = list(run_stages(stages, tmp_path / 'parts'))
    assert [call.rpartition('/')[2] for call in calls] == ['teacher', 'twin', 'twin', 'student']
    assert [r.metrics for r in resumed] == [r.metrics for r in whole]
    first, second = (read_checkpoint(r[1].checkpoint)['state_dict'] for r in (whole, resumed))
    assert all((value == second[key]).all() for key, value in first.items())


def test_a_folder_of_another_config_is_not_overwritten(config, tmp_path):
    stages = select_stages(read_stages(config), ['twin'])
    list(run_stages(stages, tmp_path / 'out'))
    record = json.loads((tmp_path / 'out' / 'twin' / 'stage.json').read_text())
    with pytest.raises(ValueError, match=r"out/twin holds the stage 'twin' of another config or seed"):
        list(run_stages(stages, tmp_path / 'out', seed=1))
    stages[0].options['optim_wrapper.optimizer.lr'] = 0.5
    with pytest.raises(ValueError, match='another config'):
        list(run_stages(stages, tmp_path / 'out'))
    assert json.loads((tmp_path / 'out' / 'twin' / 'stage.json').read_text()) == record


def test_a_student_of_another_teacher_is_not_taken_for_finished(config, tmp_path):
    stages = read_stages(config)
    list(run_stages(stages, tmp_path / 'out'))
    shutil.rmtree(tmp_path / 'out' / 'teacher')
    stages[0].options['optim_wrapper.optimizer.lr'] = 0.5
    with pytest.raises(ValueError, match="stage 'student' of another config"):
        list(run_stages(stages, tmp_path / 'out'))


def test_choosing_a_stage_brings_its_teacher(config):
    names = [stage.name for stage in select_stages(read_stages(config), ['student'])]
    assert names == ['teacher', 'student']
    with pytest.raises(ValueError, match="'studnt'; did you mean 'student'"):
        select_stages(read_stages(config), ['studnt'])


@pytest.mark.parametrize(
    ('old', 'new', 'message'),
    [
        ("role='twin'", "role='twn'", "stage 'twin': unknown role 'twn'; did you mean 'twin'"),
        ("name='twin', label", "name='twin', lable", "unknown key 'lable'; did you mean 'label'"),
        ("deep='teacher'", "deep='techer'", r"comes from 'techer', but the stages before it are \['teacher', 'twin'\]"),
        ("name='twin'", "name='teacher'", 'two stages of this name'),
        (
            "config='twin.py')",
            "config='{net}.py')",
            r"stage 'twin': its config '{net}\.py' needs stages\.names\['net'\]",
        ),
        ('runs=[', 'run=[', "unknown key 'run'; did you mean 'runs'"),
    ],
)
def test_wrong_stages_are_named(config, old, new, message):
    config.write_text(config.read_text().replace(old, new))
    with pytest.raises(ConfigError, match=message):
        read_stages(config)


def test_a_config_without_stages(config):
    with pytest.raises(ConfigError, match=r'twin\.py has no `stages`'):
        read_stages(config.with_name('twin.py'))


@pytest.mark.parametrize('name', ['resnet34_rhd', 'resnet18half_single_studio', 'ablation_resnet34_stb', 'demo'])
def test_shipped_stages_name_configs_that_are_there(name):
    stages = read_stages(Path(__file__).parents[2] / 'configs' / 'pmd' / f'{name}.py')
    assert len(stages) >= 3 and all(stage.config.is_file() for stage in stages)
