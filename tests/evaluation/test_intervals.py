import numpy as np
import pytest
from scipy import stats

from handkd.evaluation import mean_interval


def test_interval_is_students_t():
    values = [1.0, 2.0, 4.0, 7.0]
    mean, half = mean_interval(values)
    low, high = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))
    assert (mean - half, mean + half) == (pytest.approx(low), pytest.approx(high))
    with pytest.raises(ValueError, match='found 1'):
        mean_interval([1.0])
