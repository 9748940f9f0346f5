import json
import math
import os
import re
import shutil
import signal
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.hooks import Hook

from handkd.apis import stages as module
from handkd.apis.stages import read_stages, run_stages, select_stages
from handkd.engine import RESUME_STATUS, Interruption
from handkd.hints import ConfigError
from handkd.models import read_checkpoint
from handkd.registry import DATASETS, HOOKS

STUDENT = """
_base_ = './twin.py'
model = dict(_delete_=True, type='DistilledEstimator', student=_base_.model,
             teachers=dict(deep=dict(model=_base_.model, checkpoint='nowhere.pth')),
             distillers=dict(feat=dict(type='FeatureMimic', layer='neck', teacher='deep')))
stages = dict(
    options={'train_cfg.max_iters': 3},
    runs=[
        dict(name='teacher', label='Teacher', role='teacher', config='twin.py', options={'train_cfg.max_iters': 4}),
        dict(name='twin', label='Twin', role='twin', config='twin.py', seeds=['train_dataloader.sampler.seed']),
        dict(name='student', label='Student', role='student', config=None, teachers=dict(deep='teacher')),
    ],
)
"""


@DATASETS.register_module()
class FolderHands(DATASETS.get('TinyHands')):
    """The same from a folder that must be there."""

    def __init__(self, data_root):
        if not Path(data_root).is_dir():
            raise FileNotFoundError(data_root)
        super().__init__()


@HOOKS.register_module()
class TellHook(Hook):
    """Tells a training to end in its last step."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter + 1 == runner.max_iters:
            os.kill(os.getpid(), signal.SIGTERM)


def weights(result):
    return read_checkpoint(result.checkpoint)['state_dict']


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
    seeds = [
        Config.fromfile(*r.work_dir.glob('*/vis_data/config.py')).train_dataloader.sampler.get('seed') for r in results
    ]
    assert seeds == [None, 3, None]


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
    first, second = weights(whole[1]), weights(resumed[1])
    assert all((value == second[key]).all() for key, value in first.items())


def test_a_stage_that_diverges_is_told_once_and_what_needs_it_does_not_run(config, tmp_path, monkeypatch, capsys):
    stages = read_stages(config)
    stages[0].options['optim_wrapper.optimizer.lr'] = 1e38
    calls = []
    real = module.train
    monkeypatch.setattr(module, 'train', lambda cfg, resume: calls.append(cfg.work_dir) or real(cfg, resume))
    for said in (
        'the training diverged: in step',
        'it has diverged before, and is not trained again; to do so, delete ',
    ):
        results = list(run_stages(stages, tmp_path / 'out'))
        out = capsys.readouterr().out
        assert [result.name for result in results] == ['twin'] and out.count('diverged: ') == 1
        assert said in out and '[3/3] Student (seed 0): not run, since it needs teacher, which has no result' in out
    assert [Path(call).name for call in calls] == ['teacher', 'twin']


def test_a_signal_in_the_last_step_ends_the_stages_before_the_evaluation(config, tmp_path, monkeypatch):
    stages = select_stages(read_stages(config), ['twin'])
    real = module.train

    def told(cfg, resume):
        cfg.custom_hooks = [dict(type='TellHook')]
        return real(cfg, resume)

    monkeypatch.setattr(module, 'train', told)
    with pytest.raises(Interruption) as end:
        list(run_stages(stages, tmp_path))
    assert end.value.code == RESUME_STATUS and (tmp_path / 'twin' / 'iter_3.pth').is_file()
    monkeypatch.setattr(module, 'train', real)
    assert [result.name for result in run_stages(stages, tmp_path)] == ['twin']


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


def test_a_finished_stage_may_have_a_metric_that_is_nan(config, tmp_path, monkeypatch):
    stages = select_stages(read_stages(config), ['twin'])
    monkeypatch.setattr(module, 'train', lambda cfg, resume: Path(cfg.work_dir) / 'iter_3.pth')
    monkeypatch.setattr(module, 'evaluate', lambda *_args, **_options: dict(AUC=float('nan')))
    for _ in range(2):
        (result,) = run_stages(stages, tmp_path / 'out')
        assert math.isnan(result.metrics['AUC'])


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
            "config='twin.py', seeds",
            "config='{net}.py', seeds",
            r"stage 'twin': its config '{net}\.py' needs stages\.names\['net'\]",
        ),
        (
            "deep='teacher')",
            "deep='teacher'), start='twn'",
            r"stage 'student': it starts from 'twn', but the stages before it are \['teacher', 'twin'\]",
        ),
        ('config=None', "config=None, start='student'", "it starts from 'student'"),
        (
            "config='twin.py', seeds",
            "config='twin.py', otherwise='{net}.py', seeds",
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


CONFIGS = Path(__file__).parents[2] / 'configs'
WITH_STAGES = [path for path in CONFIGS.glob('[!_]*/*.py') if re.search(r'/stages/|^stages = ', path.read_text(), re.M)]


def test_all_methods_have_stages():
    assert {'demo', 'cpm8_studio', 'cpm2d_rhd'} <= {path.stem for path in WITH_STAGES}


@pytest.mark.parametrize('path', WITH_STAGES, ids=lambda path: f'{path.parent.name}/{path.stem}')
def test_shipped_stages_name_configs_that_are_there(path):
    stages = read_stages(path)
    assert len(stages) >= 2  # where no network teaches: the twin and the student
    for stage in stages:
        assert stage.config.is_file() and (stage.otherwise is None or stage.otherwise.is_file())


@pytest.fixture
def started(config):
    """The student goes on from the twin, in steps that change nothing."""
    text = config.read_text()
    new = "deep='teacher'), start='twin', options={'optim_wrapper.optimizer.lr': 0.0}"
    config.write_text(text.replace("deep='teacher')", new))
    return config


def test_a_stage_begins_with_the_weights_of_another(started, tmp_path):
    teacher, twin, student = run_stages(read_stages(started), tmp_path / 'out')
    first, second, other = weights(twin), weights(student), weights(teacher)
    learned = [key for key in first if key.endswith('weight')]
    assert learned and all((first[key] == second[key]).all() for key in learned)
    assert any((first[key] != other[key]).any() for key in learned)


def test_choosing_a_stage_brings_what_it_starts_from(started):
    assert [stage.name for stage in select_stages(read_stages(started), ['student'])] == ['teacher', 'twin', 'student']


def test_an_interrupted_stage_goes_on_from_its_own_steps(started, tmp_path, monkeypatch):
    seen = []
    real = module.train

    def interrupted(cfg, resume):
        if Path(cfg.work_dir).name != 'student':
            return real(cfg, resume)
        if not seen:
            cfg.train_cfg.max_iters = 2
        checkpoint = real(cfg, resume)
        seen.append((Path(cfg.load_from).parent.name, cfg.get('resume', False)))
        if len(seen) == 1:
            raise KeyboardInterrupt
        return checkpoint

    monkeypatch.setattr(module, 'train', interrupted)
    with pytest.raises(KeyboardInterrupt):
        list(run_stages(read_stages(started), tmp_path))
    list(run_stages(read_stages(started), tmp_path))
    assert seen == [('twin', False), ('student', True)]


def test_the_start_counts_for_what_is_finished_but_not_where_it_lies(started, tmp_path, monkeypatch):
    stages = read_stages(started)
    results = list(run_stages(stages, tmp_path / 'out'))
    shutil.move(tmp_path / 'out', tmp_path / 'moved')
    monkeypatch.setattr(module, 'train', lambda *_, **__: pytest.fail('trained again'))
    assert [r.metrics for r in run_stages(stages, tmp_path / 'moved')] == [r.metrics for r in results]
    stages[2].start = 'teacher'
    with pytest.raises(ValueError, match="stage 'student' of another config"):
        list(run_stages(stages, tmp_path / 'moved'))
    stages[2].start = 'twin'
    shutil.rmtree(tmp_path / 'moved' / 'twin')
    stages[1].options['optim_wrapper.optimizer.lr'] = 0.5
    monkeypatch.undo()
    with pytest.raises(ValueError, match="stage 'student' of another config"):
        list(run_stages(stages, tmp_path / 'moved'))


@pytest.fixture
def pretraining(config, tmp_path):
    """One stage, on data in a folder, which has a stand-in."""
    (tmp_path / 'folder.py').write_text(f"""
_base_ = './twin.py'
train_dataloader = dict(dataset=dict(_delete_=True, type='FolderHands', data_root={str(tmp_path / 'data')!r}))
""")
    (tmp_path / 'pretraining.py').write_text("""
_base_ = './twin.py'
stages = dict(names=dict(data='folder', other='twin'), options={'train_cfg.max_iters': 2}, runs=[
    dict(name='deep', label='Deep', role='pretraining', config='{data}.py', otherwise='{other}.py'),
])
""")
    return tmp_path / 'pretraining.py'


def test_where_the_data_are_missing_the_other_config_runs_and_is_named(pretraining, tmp_path, capsys):
    stages = read_stages(pretraining)
    (result,) = run_stages(stages, tmp_path / 'out')
    assert result.config == tmp_path / 'twin.py' and (tmp_path / 'out' / 'deep' / 'twin.py').is_file()
    (told,) = [line for line in capsys.readouterr().out.splitlines() if 'instead' in line]
    assert told == (
        f'Deep: there is no folder {tmp_path / "data"}, so {tmp_path / "twin.py"} runs instead of '
        f'{tmp_path / "folder.py"}'
    )
    (tmp_path / 'data').mkdir()
    with pytest.raises(ValueError, match="stage 'deep' of another config"):
        list(run_stages(stages, tmp_path / 'out'))
    (result,) = run_stages(stages, tmp_path / 'with_data')
    assert result.config == tmp_path / 'folder.py' and 'instead' not in capsys.readouterr().out
    (tmp_path / 'data').rmdir()  # what is finished needs no data
    (result,) = run_stages(stages, tmp_path / 'with_data')
    assert result.config == tmp_path / 'folder.py' and 'instead' not in capsys.readouterr().out


def test_the_options_of_a_stage_decide_where_its_data_are(pretraining, tmp_path):
    (tmp_path / 'mine').mkdir()
    options = {'train_dataloader.dataset.data_root': str(tmp_path / 'mine')}
    (result,) = run_stages(read_stages(pretraining, options), tmp_path / 'out')
    assert result.config == tmp_path / 'folder.py'


def test_the_options_need_not_fit_the_config_that_does_not_run(pretraining, tmp_path):
    options = {'train_dataloader.dataset.length': 5}
    (result,) = run_stages(read_stages(pretraining, options), tmp_path / 'out')
    assert result.config == tmp_path / 'twin.py' and 'length=5' in (result.work_dir / 'twin.py').read_text()
    (tmp_path / 'data').mkdir()
    with pytest.raises(ConfigError, match=r"FolderHands\): unknown key 'length'"):
        list(run_stages(read_stages(pretraining, options), tmp_path / 'with_data'))


def test_without_another_config_missing_data_are_an_error(pretraining, tmp_path):
    (stage,) = read_stages(pretraining)
    stage.otherwise = None
    with pytest.raises(FileNotFoundError, match='data'):
        list(run_stages([stage], tmp_path / 'out'))


def test_pretraining_tells_its_metrics_in_one_line(pretraining, tmp_path, capsys):
    (result,) = run_stages(read_stages(pretraining), tmp_path / 'out')
    *_, last = capsys.readouterr().out.splitlines()
    assert last.startswith(f'rel-middle_mcp_gt-scale_21j/EPE_mean {result.metric("EPE_mean"):.4g}, ')
    assert all(name in last for name in result.metrics)


BUDGETS = """
_base_ = './twin.py'
stages = dict(
    options={'train_cfg.max_iters': 2},
    runs=[
        dict(name='s_64', label='supervised', role='twin', annotations=64, config='twin.py'),
        dict(name='s_320', label='supervised', role='twin', annotations=320, config='twin.py'),
    ],
)
"""


@pytest.fixture
def budgets(config):
    config.with_name('budgets.py').write_text(BUDGETS)
    return config.with_name('budgets.py')


def test_a_stage_knows_how_many_labels_it_may_use(budgets, config, tmp_path):
    assert [result.annotations for result in run_stages(read_stages(budgets), tmp_path / 'out')] == [64, 320]
    assert [stage.annotations for stage in read_stages(config)] == [None, None, None]


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
    old = "name='s_320', label='supervised', role='twin', annotations=320"
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
