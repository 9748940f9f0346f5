"""The table and the file of numbers at the end of a method's stages, from the command line."""

import json
import runpy
from pathlib import Path

import pytest

from handkd.apis.report import StageResult, results_table
from handkd.apis.summary import summarize_seeds
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

    main = runpy.run_path(str(ROOT / 'tools' / 'stages.py'))['main']
    monkeypatch.setitem(main.__globals__, 'run_stages', run_stages)
    return main, run_stages, main.__globals__['read_stages'](CONFIG)


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
    assert record['stages'][0]['config'].endswith('resnet18half_depth_studio.py')
    assert {seed: m['px_21j/EPE_mean'] for seed, m in record['stages'][0]['metrics'].items()} == {'3': 23.0, '5': 25.0}


def test_pretraining_alone_has_no_table(tool, tmp_path, capsys):
    main, *_ = tool
    main([str(CONFIG), '--work-dir', str(tmp_path), '--only', 'rgb'])
    assert 'EPE' not in capsys.readouterr().out
