"""95 % confidence interval of a mean over seeds, and the paired comparison of two rows over the same seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats


class PairedDifference(NamedTuple):
    """Difference of two rows over the same seeds.

    Attributes:
        mean: Mean of the differences, first minus second, in the unit of the values.
        half: Half-width of its 95 % Student-t confidence interval, in the same unit.
        p: Two-sided p-value of the paired t-test, from 0 to 1.
    """

    mean: float
    half: float
    p: float


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


def paired_difference(first: Sequence[float], second: Sequence[float]) -> PairedDifference:
    """Compare two rows seed by seed: mean difference, its 95 % interval, and a paired t-test.

    Differences that are all equal have an interval of width 0, and p is then 0, or 1 if all are 0.

    Args:
        first: Results of at least two seeds, any unit.
        second: Those of the same seeds, in the same order and unit.

    Raises:
        ValueError: If there are fewer than two pairs, or the numbers of results differ.
    """
    if len(first) != len(second):
        raise ValueError(f'paired results need the same seeds, found {len(first)} and {len(second)} of them')
    differences = np.subtract(first, second, dtype=np.float64)
    mean, half = mean_interval(differences)
    error = differences.std(ddof=1) / np.sqrt(differences.size)
    if error == 0:
        return PairedDifference(mean, half, float(mean == 0))
    return PairedDifference(mean, half, float(2 * stats.t.sf(abs(mean) / error, differences.size - 1)))
