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


def test_pck_curves_with_their_areas(runs, tmp_path):
    paths = [str(run / 'predictions.npz') for run in runs]
    figure = TOOL['_pck_figure'](['twin', 'student'], paths, TOOL['AucRule'](0, 50, 201))
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert legend == ['twin (AUC 0.403)', 'student (AUC 0.802)']  # a step at e: 1 - e / 50, and half an interval
    TOOL['main'](['pck', *paths, '--out', str(tmp_path / 'new' / 'pck.png')])
    assert (tmp_path / 'new' / 'pck.png').read_bytes().startswith(b'\x89PNG')


def test_loss_curves(runs, tmp_path):
    TOOL['main'](['loss', *map(str, runs), '--labels', 'a', 'b', '--out', str(tmp_path / 'loss.svg')])
    assert '<svg' in (tmp_path / 'loss.svg').read_text()


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
