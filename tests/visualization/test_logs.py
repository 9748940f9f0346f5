"""Logs are read as MMEngine writes them."""

import json

import pytest

from handkd.visualization import read_scalars, read_validation


def write_log(work_dir, time: str, records: list, tail: str = '') -> None:
    folder = work_dir / time / 'vis_data'
    folder.mkdir(parents=True)
    (folder / 'scalars.json').write_text('\n'.join(map(json.dumps, records)) + tail)


def train(step: int, loss: float) -> dict:
    return dict(lr=0.1, loss=loss, loss_reg=loss / 2, iter=step, step=step)


def test_scalars_of_a_resumed_run(tmp_path):
    validation = {'rel/EPE_mean': 9.0, 'step': 20}
    write_log(tmp_path, '20250101_000000', [train(10, 4.0), train(20, 3.0), validation, train(30, 9.0)])
    write_log(tmp_path, '20250102_000000', [train(30, 2.0), train(40, 1.0)])
    records = read_scalars(tmp_path)
    assert [(r['step'], r['loss']) for r in records] == [(10, 4.0), (20, 3.0), (30, 2.0), (40, 1.0)]


def test_a_log_cut_off_in_its_last_line_is_read_and_one_damaged_before_is_named(tmp_path):
    write_log(tmp_path / 'killed', 'a', [train(10, 4.0)], tail='\n{"loss": 3.')
    assert len(read_scalars(tmp_path / 'killed')) == 1
    write_log(tmp_path / 'damaged', 'a', [train(10, 4.0)], tail='\n???\n' + json.dumps(train(20, 1.0)))
    with pytest.raises(ValueError, match='scalars.json, line 2: not valid JSON'):
        read_scalars(tmp_path / 'damaged')
    with pytest.raises(FileNotFoundError, match='expected the work dir of a training'):
        read_scalars(tmp_path / 'nowhere')


def test_validations_of_a_resumed_run(tmp_path):
    def validation(step, error):
        return {'rel_21j/EPE_mean': error, 'data_time': 0.1, 'time': 0.2, 'step': step}

    write_log(tmp_path, 'a', [train(10, 4.0), validation(10, 9.0), train(20, 3.0), validation(20, 8.0)])
    write_log(tmp_path, 'b', [train(20, 2.0), validation(20, 7.0)])
    assert [(r['step'], r['rel_21j/EPE_mean']) for r in read_validation(tmp_path)] == [(10, 9.0), (20, 7.0)]
    write_log(tmp_path / 'none', 'a', [train(10, 4.0)])
    assert read_validation(tmp_path / 'none') == []


@pytest.mark.parametrize(
    ('record', 'told'),
    [
        (dict(loss=1.0), "line 1: 'step' must be a whole number, found None"),
        (dict(loss=1.0, step=[1]), r"line 1: 'step' must be a whole number, found \[1\]"),
        (dict(step=1, loss='1'), "line 1: 'loss' must be a number, found '1'"),
        ({'step': 1, 'rel_21j/EPE_mean': None}, "line 1: 'rel_21j/EPE_mean' must be a number, found None"),
    ],
)
def test_records_that_can_not_be_drawn_are_named(tmp_path, record, told):
    write_log(tmp_path, 'a', [record])
    with pytest.raises(ValueError, match=f'scalars.json, {told}'):
        read_scalars(tmp_path), read_validation(tmp_path)
