import numpy as np
import pytest
from scipy import stats

from handkd.apis.report import StageResult
from handkd.apis.summary import mean_interval, summarize_seeds


def test_interval_is_students_t():
    values = [1.0, 2.0, 4.0, 7.0]
    mean, half = mean_interval(values)
    low, high = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))
    assert (mean - half, mean + half) == (pytest.approx(low), pytest.approx(high))
    with pytest.raises(ValueError, match='found 1'):
        mean_interval([1.0])


def stage(name, role, error):
    metrics = {'p/EPE_mean': error, 'p/AUC_20-50_trapz100': 1 - error / 100}
    return StageResult(name, name, role, '', '', '', metrics, '')


def test_gains_are_paired_by_seed():
    errors = {0: (20.0, 18.0), 1: (30.0, 28.0), 2: (10.0, 11.0)}
    table = summarize_seeds({s: [stage('rgb', 'twin', a), stage('pmd', 'student', b)] for s, (a, b) in errors.items()})
    mean, half = mean_interval([2.0, 2.0, -1.0])
    assert table.rows[1][3] == f'{mean:+.2f} ± {half:.2f}' and table.rows[1][4] == '2 of 3'
    assert table.rows[0][3] == '-' and list(table.strong) == [1]
