"""95 % confidence interval of a mean over seeds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats


def mean_interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean of some values and the half-width of its 95 % Student-t confidence interval.

    Args:
        values: Results of independent runs, at least two, any unit.

    Raises:
        ValueError: If there are fewer than two values.
    """
    values = np.asarray(values, np.float64)
    if values.size < 2:
        raise ValueError(f'an interval needs two runs or more, found {values.size}')
    error = values.std(ddof=1) / np.sqrt(values.size)
    return float(values.mean()), float(error * stats.t.ppf(0.975, values.size - 1))
