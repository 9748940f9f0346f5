"""Figures of finished runs from the command line."""

import json
import runpy
from pathlib import Path

import numpy as np
import pytest

from handkd.evaluation import HandPredictions

TOOL = runpy.run_path(str(Path(__file__).parents[2] / 'tools' / 'plot.py'))


@pytest.fixture
def runs(tmp_path) -> list[Path]:
    """Work dirs of two runs."""
    for name, error in (('twin', 30.0), ('student', 10.0)):
        target = np.zeros((4, 21, 3))
        result = HandPredictions(target + (error, 0, 0), target, np.ones((4, 21), bool), np.arange(4), 'rel-wrist')
        result.save(tmp_path / name / 'predictions.npz')
        log = tmp_path / name / 'time' / 'vis_data' / 'scalars.json'
        log.parent.mkdir(parents=True)
        log.write_text('\n'.join(json.dumps(dict(step=i, loss=error / i)) for i in range(1, 9)))
    return [tmp_path / 'twin', tmp_path / 'student']


def legend_of(figure) -> list[str]:
    """What the curves are called."""
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def test_pck_curves_with_their_areas(runs, tmp_path):
    paths = [str(run / 'predictions.npz') for run in runs]
    assert legend_of(TOOL['_pck_figure'](['twin', 'student'], paths, None)) == [
        'twin (AUC 0.403)',
        'student (AUC 0.802)',
    ]  # a step at e: 1 - e / 50, and half an interval
    TOOL['main'](['pck', *paths, '--out', str(tmp_path / 'new' / 'pck.png')])
    assert (tmp_path / 'new' / 'pck.png').read_bytes().startswith(b'\x89PNG')


def test_pck_curves_in_pixels(tmp_path):
    target = np.zeros((4, 21, 2))
    path = tmp_path / 'predictions.npz'
    HandPredictions(target + (6, 0), target, np.ones((4, 21), bool), np.arange(4), 'px_21j').save(path)
    figure = TOOL['_pck_figure'](['2D'], [str(path)], None)
    assert figure.axes[0].get_xlim() == (0, 30)
    assert figure.axes[0].get_xlabel() == 'error threshold (px)\npx_21j'
    assert legend_of(figure) == ['2D (AUC 0.802)']  # 1 - 6 / 30, and half an interval
    assert legend_of(TOOL['_pck_figure'](['2D'], [str(path)], [0, 60])) == ['2D (AUC 0.902)']


def test_loss_curves(runs, tmp_path):
    TOOL['main'](['loss', *map(str, runs), '--labels', 'a', 'b', '--out', str(tmp_path / 'loss.svg')])
    assert '<svg' in (tmp_path / 'loss.svg').read_text()


def test_the_evolution_over_consecutive_runs(runs, tmp_path):
    with (runs[1] / 'time' / 'vis_data' / 'scalars.json').open('a') as log:
        log.write('\n' + json.dumps({'rel-wrist/EPE_mean': 9.0, 'step': 8}))
    for run in runs:
        log = run / 'time' / 'vis_data' / 'scalars.json'
        log.write_text(log.read_text().replace('"loss"', '"loss_reg": 1.0, "loss"'))
    TOOL['main'](['evolution', *map(str, runs), '--labels', 'RGB', 'RGB+PI', '--out', str(tmp_path / 'evolution.svg')])
    figure = (tmp_path / 'evolution.svg').read_text()
    for text in ('RGB+PI', 'training loss_reg', 'training loss', 'validation EPE_mean', 'rel-wrist'):
        assert f'<!-- {text} -->' in figure or f'<!--  {text} -->' in figure


def test_bad_input_is_named(runs, tmp_path, capsys):
    for args, message in (
        (['loss', str(runs[0]), '--out', 'loss.txt'], '--out must end in one of'),
        (['loss', str(runs[0]), str(runs[0]), '--out', 'loss.png'], 'different labels'),
        (['loss', str(runs[0]), '--labels', 'a', 'b', '--out', 'loss.png'], '--labels must name each'),
    ):
        with pytest.raises(SystemExit):
            TOOL['main'](args)
        assert message in capsys.readouterr().err
    other = HandPredictions.load(runs[0] / 'predictions.npz')
    HandPredictions(**vars(other) | {'protocol': 'rel-middle_mcp'}).save(runs[0] / 'predictions.npz')
    with pytest.raises(ValueError, match='different protocols'):
        TOOL['main'](['pck', *(str(run / 'predictions.npz') for run in runs), '--out', str(tmp_path / 'pck.png')])
