"""Results over several seeds: means, intervals, and the gain over the twin, seed by seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import stats

from handkd.visualization import Table

from .report import StageResult


def mean_interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean of some values and the half-width of its 95 % Student-t confidence interval.

    Args:
        values: At least two, of independent runs.

    Raises:
        ValueError: If there are fewer than two values.
    """
    values = np.asarray(values, np.float64)
    if values.size < 2:
        raise ValueError(f'an interval needs two runs or more, found {values.size}')
    error = values.std(ddof=1) / np.sqrt(values.size)
    return float(values.mean()), float(error * stats.t.ppf(0.975, values.size - 1))


def summarize_seeds(results: Mapping[int, Sequence[StageResult]]) -> Table:
    """Return a table over seeds: error and AUC of every stage, and its gain over the twin of the same seed.

    Args:
        results: Seed -> its stages; the same stages for every seed.
    """
    runs = list(results.values())
    twin = next((i for i, stage in enumerate(runs[0]) if stage.role == 'twin'), None)
    rows = []
    for i, stage in enumerate(runs[0]):
        epe = np.array([run[i].metric('EPE_mean') for run in runs])
        auc = [run[i].metric('AUC') for run in runs]
        gain = wins = '-'
        if twin is not None and i != twin:
            gains = np.array([run[twin].metric('EPE_mean') for run in runs]) - epe
            gain = '{:+.2f} ± {:.2f}'.format(*mean_interval(gains))
            wins = f'{(gains > 0).sum()} of {len(runs)}'
        cells = (
            '{:.2f} ± {:.2f}'.format(*mean_interval(epe)),
            '{:.3f} ± {:.3f}'.format(*mean_interval(auc)),
            gain,
            wins,
        )
        rows.append((stage.label, *cells))
    strong = [i for i, stage in enumerate(runs[0]) if stage.role == 'student']
    headers = (f'{len(runs)} seeds, ± 95 %', 'EPE mean (mm)', 'AUC', 'better than twin by (mm)', 'better on')
    return Table(headers, rows, strong)
