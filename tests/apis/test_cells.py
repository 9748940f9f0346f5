import numpy as np
import pytest

from handkd.apis.cells import cell
from handkd.evaluation import mean_interval


@pytest.mark.parametrize(
    ('arguments', 'text'),
    [
        ((12.345,), '12.35'),
        ((np.array([12.345]),), '12.35'),
        ((None,), '-'),
        ((0.8, 3), '0.800'),
        ((np.float32(0.5), 4), '0.5000'),
        ((41.6, 0, ' %'), '42 %'),
        ((1.25, 1, ' pp', True), '+1.2 pp'),
        ((-1.0, 2, '', True), '-1.00'),
        ((0.0, 1, '', True), '+0.0'),
        ((float('nan'),), 'nan'),
    ],
)
def test_the_text_of_one_number(arguments, text):
    assert cell(*arguments) == text


@pytest.mark.parametrize('kind', [list, tuple, np.array])
def test_several_runs_are_a_mean_with_its_interval(kind):
    mean, half = mean_interval([1.0, 2.0, 4.0])
    assert cell(kind([1.0, 2.0, 4.0])) == f'{mean:.2f} ± {half:.2f}'
    assert cell(kind([1.0, 2.0, 4.0]), 1, ' pp', sign=True) == f'+{mean:.1f} ± {half:.1f} pp'
    assert cell(kind([-1.0, -2.0]), 0, sign=True).startswith('-2 ± ')
