"""Results over several seeds: means, intervals, the gain over the twin, seed by seed; and all of it as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from handkd.evaluation import mean_interval
from handkd.visualization import Table

from .report import StageResult, compared, gap_closed


def summarize_seeds(results: Mapping[int, Sequence[StageResult]]) -> Table:
    """Return a table over seeds: error and AUC of every stage, and its gain over the twin of the same seed.

    The last column is the share of the gap between twin and teacher (:func:`~handkd.apis.report.gap_closed`), if there
    is a gap in every seed. What pre-trains on other data is left out.

    Args:
        results: Seed -> its stages; the same stages for every seed.

    Raises:
        ValueError: If there are fewer than two seeds.
    """
    runs = [compared(stages) for stages in results.values()]
    shares = [gap_closed(run) for run in runs]
    twin = next((i for i, stage in enumerate(runs[0]) if stage.role == 'twin'), None)
    rows = []
    for i, stage in enumerate(runs[0]):
        epe = np.array([run[i].metric('EPE_mean') for run in runs])
        auc = [run[i].metric('AUC') for run in runs]
        gain = wins = closed = '-'
        if twin is not None and i != twin:
            gains = np.array([run[twin].metric('EPE_mean') for run in runs]) - epe
            gain = '{:+.2f} ± {:.2f}'.format(*mean_interval(gains))
            wins = f'{(gains > 0).sum()} of {len(runs)}'
            if all(stage.name in share for share in shares):
                closed = '{:.0f} ± {:.0f} %'.format(*mean_interval([100 * share[stage.name] for share in shares]))
        cells = (
            '{:.2f} ± {:.2f}'.format(*mean_interval(epe)),
            '{:.3f} ± {:.3f}'.format(*mean_interval(auc)),
            gain,
            wins,
            closed,
        )
        rows.append((stage.label, *cells))
    strong = [i for i, stage in enumerate(runs[0]) if stage.role == 'student']
    unit = runs[0][0].unit if rows else 'mm'
    headers = (
        f'{len(runs)} seeds, ± 95 %',
        f'EPE mean ({unit})',
        'AUC',
        f'better than twin by ({unit})',
        'better on',
        'gap closed',
    )
    return Table(headers, rows, strong)


def results_record(results: Mapping[int, Sequence[StageResult]], table: Table) -> dict:
    """Return all metrics of every stage and seed, and the table made from them, as what JSON can hold.

    Args:
        results: Seed -> its stages; the same stages for every seed.
        table: What was shown of them.

    Returns:
        ``stages``, a list of dicts with ``name``, ``label``, ``role``, ``config`` and ``metrics``, which is seed ->
        name with its protocol -> value; and ``table``, with ``headers`` and ``rows`` of text.
    """
    stages = [
        dict(
            name=runs[0].name,
            label=runs[0].label,
            role=runs[0].role,
            config=str(runs[0].config),
            metrics={str(seed): run.metrics for seed, run in zip(results, runs)},
        )
        for runs in zip(*results.values())
    ]
    return dict(stages=stages, table=dict(headers=list(table.headers), rows=[list(row) for row in table.rows]))
