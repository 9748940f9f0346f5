"""Figures of finished runs from the command line."""

import json
from pathlib import Path

import numpy as np
import pytest

from handkd.commands import plot
from handkd.evaluation import HandPredictions, PartCounts


@pytest.fixture
def runs(tmp_path) -> list[Path]:
    """Work dirs of two runs."""
    for name, error in (('baseline', 30.0), ('student', 10.0)):
        target = np.zeros((4, 21, 3))
        result = HandPredictions(target + (error, 0, 0), target, np.ones((4, 21), bool), np.arange(4), 'rel-wrist')
        result.save(tmp_path / name / 'predictions.npz')
        log = tmp_path / name / 'time' / 'vis_data' / 'scalars.json'
        log.parent.mkdir(parents=True)
        log.write_text('\n'.join(json.dumps(dict(step=i, loss=error / i)) for i in range(1, 9)))
    return [tmp_path / 'baseline', tmp_path / 'student']


def legend_of(figure) -> list[str]:
    """What the curves are called."""
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def test_pck_curves_with_their_areas(runs, tmp_path):
    paths = [str(run / 'predictions.npz') for run in runs]
    assert legend_of(plot._pck_figure(['baseline', 'student'], paths, None)) == [
        'baseline (AUC 0.403)',
        'student (AUC 0.802)',
    ]  # a step at e: 1 - e / 50, and half an interval
    plot.main(['pck', *paths, '--out', str(tmp_path / 'new' / 'pck.png')])
    assert (tmp_path / 'new' / 'pck.png').read_bytes().startswith(b'\x89PNG')


def test_pck_curves_in_pixels(tmp_path):
    target = np.zeros((4, 21, 2))
    path = tmp_path / 'predictions.npz'
    HandPredictions(target + (6, 0), target, np.ones((4, 21), bool), np.arange(4), 'px_21j').save(path)
    figure = plot._pck_figure(['2D'], [str(path)], None)
    assert figure.axes[0].get_xlim() == (0, 30)
    assert figure.axes[0].get_xlabel() == 'error threshold (px)\npx_21j'
    assert legend_of(figure) == ['2D (AUC 0.802)']  # 1 - 6 / 30, and half an interval
    assert legend_of(plot._pck_figure(['2D'], [str(path)], [0, 60])) == ['2D (AUC 0.902)']


def test_shares_of_frames_whose_worst_joint_is_near(runs, tmp_path):
    result = HandPredictions.load(runs[0] / 'predictions.npz')
    result.pred[0, 5] = (41, 0, 0)  # all the others are off by 30 mm
    result.save(runs[0] / 'predictions.npz')
    paths = [str(run / 'predictions.npz') for run in runs]
    figure = plot._within_figure(['baseline', 'student'], paths)
    assert legend_of(figure) == ['baseline (20 mm: 0.000, 40 mm: 0.750)', 'student (20 mm: 1.000, 40 mm: 1.000)']
    distances, shares = figure.axes[0].get_lines()[0].get_data()
    assert (distances[0], distances[-1]) == (0, 80) and shares[[29, 30, 40, 41]].tolist() == [0, 0.75, 0.75, 1]
    assert figure.axes[0].get_xlabel() == 'worst joint within (mm)\nrel-wrist'
    assert figure.axes[0].get_ylabel() == 'share of frames'
    plot.main(['within', *paths, '--labels', 'a', 'b', '--out', str(tmp_path / 'within.svg')])
    assert '<!-- a (20 mm: 0.000' in (tmp_path / 'within.svg').read_text()
    HandPredictions(np.ones((1, 21, 2)), np.ones((1, 21, 2)), np.ones((1, 21), bool), np.arange(1), 'px_21j').save(
        tmp_path / 'px.npz'
    )
    with pytest.raises(ValueError, match="px.npz: expected joints in mm, found the protocol 'px_21j'"):
        plot.main(['within', str(tmp_path / 'px.npz'), '--out', str(tmp_path / 'within.svg')])


def test_loss_curves(runs, tmp_path):
    plot.main(['loss', *map(str, runs), '--labels', 'a', 'b', '--out', str(tmp_path / 'loss.svg')])
    assert '<svg' in (tmp_path / 'loss.svg').read_text()


def test_the_evolution_over_consecutive_runs(runs, tmp_path):
    with (runs[1] / 'time' / 'vis_data' / 'scalars.json').open('a') as log:
        log.write('\n' + json.dumps({'rel-wrist/EPE_mean': 9.0, 'step': 8}))
    for run in runs:
        log = run / 'time' / 'vis_data' / 'scalars.json'
        log.write_text(log.read_text().replace('"loss"', '"loss_reg": 1.0, "loss"'))
    plot.main(['evolution', *map(str, runs), '--labels', 'RGB', 'RGB+PI', '--out', str(tmp_path / 'evolution.svg')])
    figure = (tmp_path / 'evolution.svg').read_text()
    for text in ('RGB+PI', 'training loss_reg', 'training loss', 'validation EPE_mean', 'rel-wrist'):
        assert f'<!-- {text} -->' in figure or f'<!--  {text} -->' in figure


def test_accuracy_on_each_part(tmp_path):
    total = np.arange(20)  # the first part never occurs
    for name, share in (('before', 2), ('after', 1)):
        PartCounts(total // share, total, 'parts20_no-background').save(tmp_path / name / 'predictions.npz')
    paths = [str(tmp_path / name / 'predictions.npz') for name in ('before', 'after')]
    figure = plot._part_figure(['before', 'after'], paths)
    halves = np.mean([i // 2 / i for i in range(1, 20)])
    assert legend_of(figure) == [
        f'before (per pixel {100 * 90 / 190:.1f} %, per class {100 * halves:.1f} %)',
        'after (per pixel 100.0 %, per class 100.0 %)',
    ]
    heights = np.array([[bar.get_height() for bar in bars] for bars in figure.axes[0].containers])
    np.testing.assert_allclose(heights[:, 1:], [[i // 2 / i for i in range(1, 20)], [1] * 19])
    assert np.isnan(heights[:, 0]).all()
    ticks = [text.get_text() for text in figure.axes[0].get_xticklabels()]
    assert (ticks[0], ticks[-1], len(ticks)) == ('thumb_cmc 1', 'little_tip 20', 20)
    plot.main(['parts', *paths, '--out', str(tmp_path / 'parts.svg')])
    assert '<!-- before' in (tmp_path / 'parts.svg').read_text()  # the folder's name
    PartCounts(total, total, 'parts20').save(paths[0])
    with pytest.raises(ValueError, match=r"cannot be compared: \['parts20', 'parts20_no-background'\]"):
        plot.main(['parts', *paths, '--out', str(tmp_path / 'parts.svg')])
    PartCounts(total[:7], total[:7], 'parts7').save(paths[0])
    with pytest.raises(ValueError, match="predictions.npz: expected the hand's 20 parts, found 7"):
        plot.main(['parts', paths[0], '--out', str(tmp_path / 'parts.svg')])


def test_errors_over_the_number_of_annotations(tmp_path, capsys):
    def stage(label, number, errors):
        metrics = {seed: {'rel-wrist_n-scale_21j/EPE_mean': error} for seed, error in zip('01', errors)}
        return dict(name='a', label=label, role='baseline', config='', annotations=number, metrics=metrics)

    stages = [stage('supervised', 64, (50.0, 52.0)), stage('supervised', 640, (30.0, 30.0))]
    path = tmp_path / 'results.json'
    path.write_text(json.dumps(dict(stages=[*stages, stage('pre-trained', 64, (40.0, 41.0))])))
    axes = plot._budget_figure(str(path)).axes[0]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ['supervised', 'pre-trained']
    np.testing.assert_array_equal(axes.containers[0][0].get_xydata(), [(64, 51), (640, 30)])
    low, high = axes.containers[0][2][0].get_segments()[0][:, 1]
    assert (high - low) / 2 == pytest.approx(12.706, abs=1e-3)  # t for one degree of freedom
    assert axes.get_ylabel() == 'N-MPJPE (mm)'
    assert axes.get_xlabel() == 'annotations\nrel-wrist_n-scale_21j, 2 seeds, bars: 95 %'
    plot.main(['budgets', str(path), '--out', str(tmp_path / 'curve.svg')])
    assert '<!-- pre-trained -->' in (tmp_path / 'curve.svg').read_text()
    for one in stages:
        one['metrics'].pop('1')
    path.write_text(json.dumps(dict(stages=stages)))
    assert plot._budget_figure(str(path)).axes[0].get_xlabel() == 'annotations\nrel-wrist_n-scale_21j'
    with pytest.raises(SystemExit):
        plot.main(['budgets', str(path), str(path), '--out', str(tmp_path / 'curve.svg')])
    assert f'unrecognized arguments: {path}' in capsys.readouterr().err
    path.write_text(json.dumps(dict(stages=[stage('supervised', None, (50.0, 52.0))])))
    with pytest.raises(ValueError, match='results.json: found no stage with a number of annotations'):
        plot.main(['budgets', str(path), '--out', str(tmp_path / 'curve.svg')])
    path.write_text('no json')
    with pytest.raises(ValueError, match='results.json: not valid JSON'):
        plot.main(['budgets', str(path), '--out', str(tmp_path / 'curve.svg')])


def test_bad_input_is_named(runs, tmp_path, capsys):
    for args, message in (
        (['los', str(runs[0]), '--out', 'loss.png'], "there is no subcommand 'los'; did you mean 'loss'?"),
        (['loss', str(runs[0]), '--range', '0', '9', '--out', 'loss.png'], 'unrecognized arguments: --range 0 9'),
        (['loss', str(runs[0]), '--out', 'loss.txt'], '--out must end in one of'),
        (['loss', str(runs[0]), str(runs[0]), '--out', 'loss.png'], 'different labels'),
        (['loss', str(runs[0]), '--labels', 'a', 'b', '--out', 'loss.png'], '--labels must name each'),
    ):
        with pytest.raises(SystemExit):
            plot.main(args)
        assert message in capsys.readouterr().err
    other = HandPredictions.load(runs[0] / 'predictions.npz')
    HandPredictions(**vars(other) | {'protocol': 'rel-middle_mcp'}).save(runs[0] / 'predictions.npz')
    with pytest.raises(ValueError, match='different protocols'):
        plot.main(['pck', *(str(run / 'predictions.npz') for run in runs), '--out', str(tmp_path / 'pck.png')])
