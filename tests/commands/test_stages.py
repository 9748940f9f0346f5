"""The table and the file of numbers at the end of a method's stages, from the command line."""

import json
from pathlib import Path

import pytest

from handkd.apis.stage_results import StageResult
from handkd.apis.summary import results_table, summarize_seeds
from handkd.commands import stages as stages_command
from handkd.visualization import text_table

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / 'configs' / 'pmd' / 'demo.py'


@pytest.fixture
def tool(monkeypatch):
    """The tool, whose stages are not run: their errors are made up."""

    def run_stages(stages, work_dir, seed):
        for number, stage in enumerate(stages):
            error = 20.0 + number + seed
            metrics = {
                f'px_21j/{name}': value for name, value in dict(EPE_mean=error, EPE_median=error - 1, AUC=0.5).items()
            }
            role = 'pretraining' if stage.name == 'rgb' else stage.role
            yield StageResult(stage.name, stage.label, role, work_dir, stage.config, '', metrics, '')

    monkeypatch.setattr(stages_command, 'run_stages', run_stages)
    return stages_command.main, run_stages, stages_command.read_stages(CONFIG)


def test_one_seed(tool, tmp_path, capsys):
    main, run_stages, stages = tool
    main([str(CONFIG), '--work-dir', str(tmp_path), '--out', str(tmp_path / 'new' / 'results.json')])
    table = results_table([r for r in run_stages(stages, tmp_path, 0) if r.role != 'pretraining'])
    assert text_table(table) in capsys.readouterr().out
    record = json.loads((tmp_path / 'new' / 'results.json').read_text())
    assert record['tables'][0]['rows'] == [list(row) for row in table.rows] and len(table.rows) == 2
    assert [stage['name'] for stage in record['stages']] == ['depth', 'rgb', 'student']
    assert record['stages'][2]['metrics'] == {
        '0': {'px_21j/EPE_mean': 22.0, 'px_21j/EPE_median': 21.0, 'px_21j/AUC': 0.5}
    }


def test_several_seeds(tool, tmp_path, capsys):
    main, run_stages, stages = tool
    main([str(CONFIG), '--work-dir', str(tmp_path), '--seeds', '3', '5', '--out', str(tmp_path / 'results.json')])
    table = summarize_seeds({seed: list(run_stages(stages, tmp_path, seed)) for seed in (3, 5)})
    assert text_table(table) in capsys.readouterr().out
    record = json.loads((tmp_path / 'results.json').read_text())
    assert (
        record['tables'][0]['headers'] == list(table.headers) and record['tables'][0]['headers'][1] == 'EPE mean (px)'
    )
    assert record['stages'][0]['config'].endswith('demo.py')
    assert {seed: m['px_21j/EPE_mean'] for seed, m in record['stages'][0]['metrics'].items()} == {'3': 23.0, '5': 25.0}


def test_pretraining_alone_has_no_table(tool, tmp_path, capsys):
    main, *_ = tool
    main([str(CONFIG), '--work-dir', str(tmp_path), '--only', 'rgb'])
    assert 'EPE' not in capsys.readouterr().out


def test_the_baseline_alone_and_what_it_needs(tool, tmp_path, capsys, monkeypatch):
    main, run_stages, _ = tool
    ran = []

    def noted(stages, work_dir, seed):
        ran.append([stage.name for stage in stages])
        yield from run_stages(stages, work_dir, seed)

    monkeypatch.setattr(stages_command, 'run_stages', noted)
    for config in (CONFIG, CONFIG.parent.with_name('pi') / 'cpm8_studio.py'):
        main([str(config), '--work-dir', str(tmp_path), '--baseline'])
    assert ran == [['rgb'], ['rgb', 'baseline']], "PI's starts with the weights of RGB_Net"
    text = CONFIG.read_text().replace("'../", f"'{CONFIG.parents[1]}/").replace("role='baseline'", "role='variant'")
    (tmp_path / 'none.py').write_text(text)
    with pytest.raises(ValueError, match=r"--baseline: no stage has the role 'baseline', found depth \(teacher\), rgb"):
        main([str(tmp_path / 'none.py'), '--work-dir', str(tmp_path), '--baseline'])
    with pytest.raises(SystemExit):
        main([str(CONFIG), '--baseline', '--only', 'rgb'])
    assert 'not allowed with argument' in capsys.readouterr().err


BUDGETS = f"""
_base_ = {str(ROOT / 'tests/configs/plain_rgb_studio.py')!r}
stages = dict(_delete_=True, runs=[
    dict(name='s', label='supervised', role='baseline', annotations=64, config=None),
    dict(name='p', label='pre-trained', role='variant', annotations=64, config=None),
    dict(name='s_all', label='supervised', role='baseline', annotations=3200, config=None),
])
"""


def test_stages_with_annotations_have_tables_of_their_own(tool, tmp_path, capsys, monkeypatch):
    main, *_ = tool
    pages = []
    monkeypatch.setattr(stages_command, 'write_stage_report', lambda *args, **kwargs: pages.append(kwargs['tables']))

    def run_stages(stages, work_dir, seed):
        for number, stage in enumerate(stages):
            metrics = {'rel-wrist_n-scale_21j/EPE_mean': 30.0 - number + seed * (number + 1)}
            yield StageResult(stage.name, stage.label, stage.role, '', '', '', metrics, '', stage.annotations)

    monkeypatch.setattr(stages_command, 'run_stages', run_stages)
    (tmp_path / 'budgets.py').write_text(BUDGETS)
    command = [str(tmp_path / 'budgets.py'), '--work-dir', str(tmp_path / 'out'), '--out', str(tmp_path / 'r.json')]
    main([*command, '--report'])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ['3,200', '28.00', '-'] in lines and ['64', '30.00', '29.00'] in lines and ['64', '+1.00'] in lines
    assert [table.headers[0] for table in pages[0]] == [
        'annotations: N-MPJPE (mm)', 'annotations: N-MPJPE (mm) below supervised',
    ]  # fmt: skip
    main([*command, '--seeds', '1', '2'])
    out = capsys.readouterr().out
    assert 'annotations: N-MPJPE (mm), 2 seeds, ± 95 %' in out and '-0.50 ± 6.35, 0 of 2' in out and 'AUC' not in out
    record = json.loads((tmp_path / 'r.json').read_text())
    assert [stage['annotations'] for stage in record['stages']] == [64, 64, 3200] and len(record['tables']) == 2
    with pytest.raises(SystemExit):
        main([*command, '--seeds', '1', '2', '--against', 'p'])
    assert '--against: p has annotations' in capsys.readouterr().err
    main([*command, '--only', 'p'])
    assert ['64', '30.00'] in [line.split() for line in capsys.readouterr().out.splitlines()]


def test_the_sets_of_a_joined_test_set_have_a_table_of_their_own(tool, tmp_path, capsys, monkeypatch):
    pages = []
    monkeypatch.setattr(stages_command, 'write_stage_report', lambda *args, **kwargs: pages.append(kwargs['tables']))

    def run_stages(stages, work_dir, seed):
        for stage in stages:
            own = {f'{name}p/EPE_{kind}': 9.0 for name in ('', 'lab/', 'field/') for kind in ('mean', 'median')}
            aucs = {f'{name}p/AUC_20-50_trapz100': 0.5 for name in ('', 'lab/', 'field/')}
            yield StageResult(stage.name, stage.label, stage.role, '', '', '', own | aucs | {'lab/p/EPE_mean': 8.0}, '')

    monkeypatch.setattr(stages_command, 'run_stages', run_stages)
    command = [str(CONFIG), '--work-dir', str(tmp_path), '--out', str(tmp_path / 'r.json'), '--report', '--only', 'rgb']
    assert tool[0](command) == 0
    headers = ['by set', 'lab: EPE mean (mm)', 'lab: AUC', 'field: EPE mean (mm)', 'field: AUC']
    _, table = json.loads((tmp_path / 'r.json').read_text())['tables']
    assert table['headers'] == headers and table['rows'][0][1:] == ['8.00', '0.500', '9.00', '0.500']
    assert [list(each.headers) for each in pages[0]] == [headers] and 'lab: EPE mean' in capsys.readouterr().out


def test_a_stage_without_a_result_is_told_and_in_no_table_over_seeds(tool, tmp_path, capsys, monkeypatch):
    main, run_stages, _ = tool

    def diverged(stages, work_dir, seed):
        yield from (result for result in run_stages(stages, work_dir, seed) if (result.name, seed) != ('student', 5))

    monkeypatch.setattr(stages_command, 'run_stages', diverged)
    command = [str(CONFIG), '--work-dir', str(tmp_path), '--out', str(tmp_path / 'results.json'), '--seeds']
    assert main([*command, '3']) == 0
    assert main([*command, '3', '5']) == 1
    out = capsys.readouterr().out
    assert out.count('no result') == 1 and '(seed 5)\n' in out.partition('no result (see above): ')[2]
    record = json.loads((tmp_path / 'results.json').read_text())
    assert [stage['name'] for stage in record['stages']] == ['depth', 'rgb']
