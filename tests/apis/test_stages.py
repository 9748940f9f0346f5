import json
import math
import os
import shutil
import signal
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.hooks import Hook

from handkd.apis import stages as module
from handkd.apis.stages import read_stages, run_stages, select_stages
from handkd.engine import RESUME_STATUS, Interruption
from handkd.models import read_checkpoint
from handkd.registry import HOOKS

from .conftest import write_stages


@HOOKS.register_module()
class TellHook(Hook):
    """Tells a training to end in its last step."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter + 1 == runner.max_iters:
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.fixture(scope='module')
def finished(tmp_path_factory):
    """Return a function that fills a folder with a config's finished stages and gives their results.

    Stages of a config are trained once, wherever it lies; a copy of their folder is as good, as the last tests show.
    """
    folder = tmp_path_factory.mktemp('finished')
    config, trained = write_stages(folder), {}

    def copy(given, target):
        text = given.read_text()
        if text not in trained:
            config.write_text(text)
            trained[text] = folder / f'out{len(trained)}'
            assert len(list(run_stages(read_stages(config), trained[text]))) == 3
        shutil.copytree(trained[text], target)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, 'train', lambda *_, **__: pytest.fail('trained again'))
            return list(run_stages(read_stages(given), target))

    return copy


def weights(result):
    return read_checkpoint(result.checkpoint)['state_dict']


def test_stages_hand_over_their_checkpoints_and_end_in_results(stages_config, tmp_path, monkeypatch):
    trained, real = [], module.train
    monkeypatch.setattr(
        module, 'train', lambda cfg, *rest, **more: (trained.append(str(cfg)), real(cfg, *rest, **more))[1]
    )
    results = list(run_stages(read_stages(stages_config), tmp_path / 'out', seed=3))
    assert [r.name for r in results] == ['teacher', 'baseline', 'student']
    assert [r.checkpoint.name for r in results] == ['iter_4.pth', 'iter_3.pth', 'iter_3.pth']
    assert all(r.metric('EPE_mean') > 0 and r.predictions.is_file() for r in results)
    student = results[2].work_dir
    logged = [path.read_text() for path in student.glob('*/vis_data/config.py')]
    assert str(results[0].checkpoint) in trained[2]  # what is logged may be overwritten by the evaluation
    assert all('seed=3' in text for text in logged)
    seeds = [
        Config.fromfile(*r.work_dir.glob('*/vis_data/config.py')).train_dataloader.sampler.get('seed') for r in results
    ]
    assert seeds == [None, 3, None]


def test_what_is_finished_is_kept_and_what_is_not_goes_on(stages_config, finished, tmp_path, monkeypatch):
    stages = read_stages(stages_config)
    whole = finished(stages_config, tmp_path / 'whole')

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
    assert [call.rpartition('/')[2] for call in calls] == ['teacher', 'baseline', 'baseline', 'student']
    assert [r.metrics for r in resumed] == [r.metrics for r in whole]
    first, second = weights(whole[1]), weights(resumed[1])
    assert all((value == second[key]).all() for key, value in first.items())


def test_a_stage_that_diverges_is_told_once_and_what_needs_it_does_not_run(
    stages_config, tmp_path, monkeypatch, capsys
):
    stages = read_stages(stages_config)
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
        assert [result.name for result in results] == ['baseline'] and out.count('diverged: ') == 1
        assert said in out and '[3/3] Student (seed 0): not run, since it needs teacher, which has no result' in out
    assert [Path(call).name for call in calls] == ['teacher', 'baseline']


def test_a_signal_in_the_last_step_ends_the_stages_before_the_evaluation(stages_config, tmp_path, monkeypatch):
    stages = select_stages(read_stages(stages_config), ['baseline'])
    real = module.train

    def told(cfg, resume):
        cfg.custom_hooks = [dict(type='TellHook')]
        return real(cfg, resume)

    monkeypatch.setattr(module, 'train', told)
    with pytest.raises(Interruption) as end:
        list(run_stages(stages, tmp_path))
    assert end.value.code == RESUME_STATUS and (tmp_path / 'baseline' / 'iter_3.pth').is_file()
    monkeypatch.setattr(module, 'train', real)
    assert [result.name for result in run_stages(stages, tmp_path)] == ['baseline']


def test_a_folder_of_another_config_is_not_overwritten(stages_config, finished, tmp_path):
    finished(stages_config, tmp_path / 'out')
    stages = select_stages(read_stages(stages_config), ['baseline'])
    record = json.loads((tmp_path / 'out' / 'baseline' / 'stage.json').read_text())
    with pytest.raises(ValueError, match=r"out/baseline holds the stage 'baseline' of another config or seed"):
        list(run_stages(stages, tmp_path / 'out', seed=1))
    stages[0].options['optim_wrapper.optimizer.lr'] = 0.5
    with pytest.raises(ValueError, match='another config'):
        list(run_stages(stages, tmp_path / 'out'))
    assert json.loads((tmp_path / 'out' / 'baseline' / 'stage.json').read_text()) == record


def test_a_finished_stage_may_have_a_metric_that_is_nan(stages_config, tmp_path, monkeypatch):
    stages = select_stages(read_stages(stages_config), ['baseline'])
    monkeypatch.setattr(module, 'train', lambda cfg, resume: Path(cfg.work_dir) / 'iter_3.pth')
    monkeypatch.setattr(module, 'evaluate', lambda *_args, **_options: dict(AUC=float('nan')))
    for _ in range(2):
        (result,) = run_stages(stages, tmp_path / 'out')
        assert math.isnan(result.metrics['AUC'])


def test_a_student_of_another_teacher_is_not_taken_for_finished(stages_config, finished, tmp_path):
    stages = read_stages(stages_config)
    finished(stages_config, tmp_path / 'out')
    shutil.rmtree(tmp_path / 'out' / 'teacher')
    stages[0].options['optim_wrapper.optimizer.lr'] = 0.5
    with pytest.raises(ValueError, match="stage 'student' of another config"):
        list(run_stages(stages, tmp_path / 'out'))


def test_choosing_a_stage_brings_its_teacher(stages_config):
    names = [stage.name for stage in select_stages(read_stages(stages_config), ['student'])]
    assert names == ['teacher', 'student']
    with pytest.raises(ValueError, match="'studnt'; did you mean 'student'"):
        select_stages(read_stages(stages_config), ['studnt'])


@pytest.fixture
def started(stages_config):
    """The student goes on from the baseline, in steps that change nothing."""
    text = stages_config.read_text()
    new = "deep='teacher'), start='baseline', options={'optim_wrapper.optimizer.lr': 0.0}"
    stages_config.write_text(text.replace("deep='teacher')", new))
    return stages_config


def test_a_stage_begins_with_the_weights_of_another(started, finished, tmp_path):
    teacher, baseline, student = finished(started, tmp_path / 'out')
    first, second, other = weights(baseline), weights(student), weights(teacher)
    learned = [key for key in first if key.endswith('weight')]
    assert learned and all((first[key] == second[key]).all() for key in learned)
    assert any((first[key] != other[key]).any() for key in learned)


def test_choosing_a_stage_brings_what_it_starts_from(started):
    assert [stage.name for stage in select_stages(read_stages(started), ['student'])] == [
        'teacher',
        'baseline',
        'student',
    ]


def test_an_interrupted_stage_goes_on_from_its_own_steps(started, finished, tmp_path, monkeypatch):
    finished(started, tmp_path / 'out')
    shutil.rmtree(tmp_path / 'out' / 'student')
    seen = []
    real = module.train

    def interrupted(cfg, resume):
        assert Path(cfg.work_dir).name == 'student'
        if not seen:
            cfg.train_cfg.max_iters = 2
        checkpoint = real(cfg, resume)
        seen.append((Path(cfg.load_from).parent.name, cfg.get('resume', False)))
        if len(seen) == 1:
            raise KeyboardInterrupt
        return checkpoint

    monkeypatch.setattr(module, 'train', interrupted)
    with pytest.raises(KeyboardInterrupt):
        list(run_stages(read_stages(started), tmp_path / 'out'))
    list(run_stages(read_stages(started), tmp_path / 'out'))
    assert seen == [('baseline', False), ('student', True)]


def test_the_start_counts_for_what_is_finished_but_not_where_it_lies(started, finished, tmp_path, monkeypatch):
    stages = read_stages(started)
    results = finished(started, tmp_path / 'out')
    shutil.move(tmp_path / 'out', tmp_path / 'moved')
    monkeypatch.setattr(module, 'train', lambda *_, **__: pytest.fail('trained again'))
    assert [r.metrics for r in run_stages(stages, tmp_path / 'moved')] == [r.metrics for r in results]
    stages[2].start = 'teacher'
    with pytest.raises(ValueError, match="stage 'student' of another config"):
        list(run_stages(stages, tmp_path / 'moved'))
    stages[2].start = 'baseline'
    shutil.rmtree(tmp_path / 'moved' / 'baseline')
    stages[1].options['optim_wrapper.optimizer.lr'] = 0.5
    monkeypatch.undo()
    with pytest.raises(ValueError, match="stage 'student' of another config"):
        list(run_stages(stages, tmp_path / 'moved'))


def test_variables_of_a_config_do_not_count_for_what_is_finished(stages_config, finished, tmp_path, monkeypatch):
    finished(stages_config, tmp_path / 'out')
    stages = read_stages(stages_config)[:1]
    stages[0].config.write_text(stages[0].config.read_text() + '\nmoved_here = 1\n')
    monkeypatch.setattr('handkd.apis.stages.train', lambda *args, **kwargs: pytest.fail('it is trained again'))
    (result,) = run_stages(stages, tmp_path / 'out')
    assert result.name == stages[0].name
