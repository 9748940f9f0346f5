"""Curves: what is plotted is what was given, and logs are read as MMEngine writes them."""

import json

import numpy as np
import pytest

from handkd.visualization import accuracy_figure, figure_bytes, loss_figure, pck_figure, read_scalars


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
    with pytest.raises(ValueError, match='scalars.json, line 2: not a JSON record'):
        read_scalars(tmp_path / 'damaged')
    with pytest.raises(FileNotFoundError, match='nothing was trained there'):
        read_scalars(tmp_path / 'nowhere')


def test_loss_figure_shows_the_key_that_all_runs_have():
    mine, other = [train(10, 4.0), train(20, 2.0), train(30, 1.0)], [dict(step=10, loss=8.0)]
    axes = loss_figure({'mine': mine}, smooth=1).axes[0]
    assert axes.get_ylabel() == 'training loss_reg'
    np.testing.assert_array_equal(axes.lines[1].get_xydata(), [(10, 2.0), (20, 1.0), (30, 0.5)])
    axes = loss_figure({'mine': mine, 'other': other}, smooth=3).axes[0]
    assert axes.get_ylabel() == 'training loss'
    np.testing.assert_allclose(axes.lines[1].get_ydata(), [3.0, 7 / 3, 1.5])
    with pytest.raises(ValueError, match='is in every log of'):
        loss_figure({'mine': mine, 'none': [dict(step=1)]})


def test_pck_figure_shows_each_curve_by_its_name():
    thresholds = np.linspace(0, 50, 11)
    figure = pck_figure({'a': thresholds / 50, 'b': thresholds / 100}, thresholds, 'rel-wrist')
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ['a', 'b']
    np.testing.assert_array_equal(axes.lines[1].get_ydata(), thresholds / 100)
    assert axes.get_xlabel().endswith('rel-wrist')
    with pytest.raises(ValueError, match='nothing to plot'):
        pck_figure({}, thresholds)


def test_accuracy_figure_shows_joints_and_frames_side_by_side():
    thresholds = np.arange(5.0)
    joints, frames = {'a': thresholds / 4, 'b': thresholds / 8}, {'a': thresholds / 5, 'b': thresholds / 9}
    left, right = accuracy_figure(joints, frames, thresholds, 'abs_14j').axes
    for axes, curves in ((left, joints), (right, frames)):
        assert [text.get_text() for text in axes.get_legend().get_texts()] == ['a', 'b']
        for line, curve in zip(axes.lines, curves.values()):
            np.testing.assert_array_equal(line.get_xydata(), np.stack([thresholds, curve], -1))
        assert axes.get_xlabel().endswith('abs_14j')
    assert left.lines[1].get_color() == right.lines[1].get_color()
    assert (left.get_ylabel(), right.get_ylabel()) == ('share of joints (3D PCK)', 'share of frames')


@pytest.mark.parametrize(('suffix', 'magic'), [('png', b'\x89PNG'), ('svg', b'<?xml'), ('pdf', b'%PDF')])
def test_figure_files(suffix, magic):
    figure = pck_figure({'a': np.array([0.0, 1.0])}, np.array([0.0, 50.0]))
    assert figure_bytes(figure, suffix).startswith(magic)
