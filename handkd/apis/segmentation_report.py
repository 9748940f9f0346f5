"""Results of part segmentation: predicted part maps, and the same maps after restoring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from handkd.visualization import Table

from .cells import cell
from .stage_results import StageResult

_RESTORED = {
    'centre': 'restored, no integration',
    'vote': 'restored, Eq. 2',
    'potts': 'restored, CRF Potts',
    'overlap': 'restored, CRF overlap',
    'potts_vote': 'restored, CRF Potts and Eq. 2',
    'overlap_vote': 'restored, CRF overlap and Eq. 2',
}
"""Variant of ``HandRestorationMetric`` -> name of its row, as in Table 2 of Neverova et al. 2017."""
_MEASURES = {'per_pixel': 'per pixel', 'per_class': 'per class'}


def segmentation_table(results: Mapping[int, Sequence[StageResult]]) -> Table:
    """Return the accuracies of the segmentation stages, and of their restored maps, one row each.

    All numbers are in percent, over several seeds as mean and 95 % interval; gains, in percentage points, are relative
    to the first row with the same seed.

    Args:
        results: Seed -> its stages; the same stages for every seed.
    """
    runs = [[stage for stage in stages if stage.role == 'segmentation'] for stages in results.values()]
    labels: list[str] = []
    values: list[np.ndarray] = []  # of each row (measures, seeds)
    for stages in zip(*runs):
        for row, prefix in [(None, 'no-background/'), *((name, f'restored/{name}/') for name in _RESTORED)]:
            if all(any(prefix + 'per_pixel' in key for key in stage.metrics) for stage in stages):
                labels.append(stages[0].label if row is None else f'{stages[0].label}, {_RESTORED[row]}')
                values.append(np.array([[_find(stage, prefix + name) for stage in stages] for name in _MEASURES]))
    title = f'{len(runs)} seeds, ± 95 %' if len(runs) > 1 else ''
    columns = {title: labels}
    for i, header in enumerate(_MEASURES.values()):
        columns[f'{header} (%)'] = [cell(row[i], 1) for row in values]
        gains = [cell(row[i] - values[0][i], 1, sign=True) for row in values[1:]]
        columns[f'gain {header}'] = ['-', *gains] if values else []
    return Table(tuple(columns), list(zip(*columns.values())), [])


def _find(stage: StageResult, ending: str) -> float:
    return 100 * next(value for key, value in stage.metrics.items() if key.endswith(ending))
