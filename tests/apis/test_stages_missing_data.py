from pathlib import Path

import pytest

from handkd.apis.stages import read_stages, run_stages
from handkd.hints import ConfigError
from handkd.registry import DATASETS


@DATASETS.register_module()
class FolderHands(DATASETS.get('TinyHands')):
    """The same from a folder that must be there."""

    def __init__(self, data_root):
        if not Path(data_root).is_dir():
            raise FileNotFoundError(data_root)
        super().__init__()


@pytest.fixture
def pretraining(stages_config, tmp_path):
    """One stage, on data in a folder, which has a stand-in."""
    (tmp_path / 'folder.py').write_text(f"""
_base_ = './baseline.py'
train_dataloader = dict(dataset=dict(_delete_=True, type='FolderHands', data_root={str(tmp_path / 'data')!r}))
""")
    (tmp_path / 'pretraining.py').write_text("""
_base_ = './baseline.py'
stages = dict(names=dict(data='folder', other='baseline'), options={'train_cfg.max_iters': 2}, runs=[
    dict(name='deep', label='Deep', role='pretraining', config='{data}.py', otherwise='{other}.py'),
])
""")
    return tmp_path / 'pretraining.py'


def test_where_the_data_are_missing_the_other_config_runs_and_is_named(pretraining, tmp_path, capsys):
    stages = read_stages(pretraining)
    (result,) = run_stages(stages, tmp_path / 'out')
    assert result.config == tmp_path / 'baseline.py' and (tmp_path / 'out' / 'deep' / 'baseline.py').is_file()
    (told,) = [line for line in capsys.readouterr().out.splitlines() if 'instead' in line]
    assert told == (
        f'Deep: the folder {tmp_path / "data"} is missing, so {tmp_path / "baseline.py"} runs instead of '
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
    assert result.config == tmp_path / 'baseline.py' and 'length=5' in (result.work_dir / 'baseline.py').read_text()
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
