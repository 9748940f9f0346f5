"""From two stages of two steps to the page of results, by the commands that a user types."""

import json

import pytest
from mmengine.registry import init_default_scope

from handkd.apis.result_logs import read_logs
from handkd.commands import results as results_command
from handkd.commands import stages as stages_command
from tests.apis.conftest import make_tiny_cfg

STAGES = """
_base_ = './tiny.py'
custom_imports = dict(imports=['tests.apis.conftest'])
stages = dict(
    seeds=['train_dataloader.sampler.seed'],
    runs=[
        dict(name='baseline', label='Baseline', role='baseline', options={'train_cfg.max_iters': 2}),
        dict(name='student', label='Student', role='student', start='baseline', options={'train_cfg.max_iters': 1}),
    ],
)
"""
NAME = 'rel-middle_mcp_gt-scale_21j/EPE_mean'
DESCRIPTION = dict(
    title='Tiny',
    rows=['mean_pose', 'baseline', 'student'],
    baseline='baseline',
    metrics=[dict(key=NAME, name='EPE (mm)', better='lower')],
    claims=[dict(text='One step more helps.', row='student')],
)


@pytest.fixture
def config(tmp_path):
    init_default_scope('handkd')
    tiny = make_tiny_cfg(tmp_path)
    tiny.pop('work_dir'), tiny.pop('experiment_name')
    tiny.dump(tmp_path / 'tiny.py')
    (tmp_path / 'stages.py').write_text(STAGES)
    return str(tmp_path / 'stages.py')


def test_from_stages_to_the_page(config, tmp_path, capsys):
    folder, page = tmp_path / 'results' / 'tiny', tmp_path / 'RESULTS.md'
    command = [config, '--seeds', '0', '1', '--work-dir', str(tmp_path / 'out')]
    assert stages_command.main([*command, '--log', str(folder)]) == 0
    logs = read_logs(folder).values()
    assert {(log.row, log.seed, log.images) for log in logs} == {
        ('baseline', 0, 8), ('baseline', 1, 8), ('student', 0, 4), ('student', 1, 4),
    }  # fmt: skip
    assert len({log.config_hash for log in logs}) == 2, 'one for each row, whatever the seed'
    assert all(log.machine['cores'] >= 1 and log.config == 'stages.py' for log in logs)
    seeds = [path.read_text().count('seed=1') for path in tmp_path.glob('out/seed_1/baseline/*.py')]
    assert seeds == [2], 'the sampler has the seed as well as the run'
    first = {path: path.read_bytes() for path in folder.iterdir()}
    assert stages_command.main([*command, '--log', str(folder)]) == 0
    assert first == {path: path.read_bytes() for path in folder.iterdir()}, 'finished stages are logged again as before'

    assert results_command.main(['mean-pose', config, '--seeds', '0', '1', '--log', str(folder)]) == 0
    (folder / 'experiment.json').write_text(json.dumps(DESCRIPTION))
    assert results_command.main(['build', str(folder.parent), '--out', str(page)]) == 0
    lines = page.read_text().splitlines()
    assert [line.split(' | ')[:3] for line in lines if '± ' in line and line.count('|') == 8] == [
        ['| Mean pose', 'mean pose', '2'], ['| Baseline', 'baseline', '2'], ['| Student', 'student', '2'],
    ]  # fmt: skip

    path = next(folder.glob('baseline-0-*.json'))
    other = json.loads(path.read_text()) | dict(machine=dict(cpu='Other', cores=1))
    other['metrics'][NAME] += 1e6
    path.with_name('baseline-0-other.json').write_text(json.dumps(other))
    capsys.readouterr()
    assert results_command.main(['build', str(folder.parent), '--out', str(page)]) == 1
    assert 'machines disagree: tiny: baseline, seed 0: EPE (mm) differs' in capsys.readouterr().out


def test_a_diverged_stage_is_logged(config, tmp_path):
    folder = tmp_path / 'results' / 'tiny'
    command = [config, '--only', 'baseline', '--work-dir', str(tmp_path / 'out'), '--log', str(folder)]
    assert stages_command.main([*command, '--cfg-options', 'optim_wrapper.optimizer.lr=1e38']) == 1
    (log,) = read_logs(folder).values()
    assert 'diverged' in log.diverged and log.metrics == {} and log.images is None
    assert log.command.endswith('--only baseline --seeds 0 --cfg-options optim_wrapper.optimizer.lr=1e+38')
