import numpy as np
import pytest
from scipy import stats

from handkd.evaluation import mean_interval, paired_difference


def test_interval_is_students_t():
    values = [1.0, 2.0, 4.0, 7.0]
    mean, half = mean_interval(values)
    low, high = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))
    assert (mean - half, mean + half) == (pytest.approx(low), pytest.approx(high))
    with pytest.raises(ValueError, match='found 1'):
        mean_interval([1.0])


def test_a_paired_difference_by_hand():
    # Differences -1, -2, -3, -6: mean -3, standard deviation sqrt(14 / 3), t = -3 / sqrt(14 / 12).
    first, second = [9.0, 8.0, 7.0, 4.0], [10.0, 10.0, 10.0, 10.0]
    found = paired_difference(first, second)
    assert found.mean == -3.0 and found.half == pytest.approx(3.182446 * np.sqrt(14 / 12), rel=1e-6)  # t(0.975, 3)
    assert found.p == pytest.approx(stats.ttest_rel(first, second).pvalue)
    assert found.p == pytest.approx(0.0691, abs=1e-4)


def test_equal_differences_have_no_interval():
    assert paired_difference([1.0, 2.0], [0.0, 1.0]) == (1.0, 0.0, 0.0)
    assert paired_difference([1.0, 2.0], [1.0, 2.0]) == (0.0, 0.0, 1.0)
    with pytest.raises(ValueError, match='same seeds, found 2 and 3'):
        paired_difference([1.0, 2.0], [1.0, 2.0, 3.0])
