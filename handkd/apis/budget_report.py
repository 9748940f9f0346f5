"""Results over the number of labels that stages may use: Table 1 and Figure 3 of Mueller et al. 2020."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from handkd.visualization import Table

from .cells import cell
from .stage_results import StageResult

_N_MPJPE = '_n-scale_'
"""Part of the protocol's name if every hand is scaled to fit the truth best: N-MPJPE."""


@dataclass(frozen=True)
class BudgetErrors:
    """Mean errors of all stages with a number of annotations.

    Attributes:
        protocol: The protocol of the error.
        measure: Its name in tables, with its unit, such as 'N-MPJPE (mm)'.
        seeds: Number of seeds.
        values: Label of the regime -> number of annotations -> its errors, shape (``seeds``,), in the unit of
            ``measure``; both in the order of the stages.
        baselines: Number of annotations -> label of the stage with the role 'baseline', if there is one.
    """

    protocol: str
    measure: str
    seeds: int
    values: dict[str, dict[int, np.ndarray]]
    baselines: dict[int, str]

    @property
    def annotations(self) -> list[int]:
        """The numbers of annotations, the largest first."""
        return sorted({number for row in self.values.values() for number in row}, reverse=True)


def read_budgets(results: Mapping[int, Sequence[StageResult]]) -> BudgetErrors | None:
    """Gather the errors of the stages with a number of annotations.

    The error is the N-MPJPE if all of them have measured it (Mueller et al., section 3.2), else their first
    ``EPE_mean``.

    Args:
        results: Seed -> its stages; the same stages for every seed.

    Returns:
        The errors, or None if no stage has a number of annotations.

    Raises:
        ValueError: If two stages have the same regime and number, one has no error, or their protocols differ.
    """
    runs = [[stage for stage in stages if stage.annotations is not None] for stages in results.values()]
    if not runs or not runs[0]:
        return None
    keys = {_error_key(stage) for run in runs for stage in run}
    if any(_N_MPJPE not in key for key in keys):
        keys = {stage.key('EPE_mean') for run in runs for stage in run}
    if len(keys) > 1:
        raise ValueError(f'the stages with annotations were evaluated by different protocols: {sorted(keys)}')
    key = keys.pop()
    values: dict[str, dict[int, np.ndarray]] = {}
    baselines: dict[int, str] = {}
    for stages in zip(*runs):
        label, number = stages[0].label, stages[0].annotations
        row = values.setdefault(label, {})
        if number in row:
            raise ValueError(f'two stages have the label {label!r} and {number} annotations')
        row[number] = np.array([stage.metrics[key] for stage in stages])
        if stages[0].role == 'baseline':
            baselines.setdefault(number, label)
    name = 'N-MPJPE' if _N_MPJPE in key else 'EPE mean'
    return BudgetErrors(key.rpartition('/')[0], f'{name} ({runs[0][0].unit})', len(runs), values, baselines)


def _error_key(stage: StageResult) -> str:
    """The name of a stage's N-MPJPE, or of its first mean error if it has no N-MPJPE."""
    named = [key for key in stage.metrics if key.endswith('/EPE_mean') and _N_MPJPE in key]
    return named[0] if named else stage.key('EPE_mean')


def budget_tables(results: Mapping[int, Sequence[StageResult]]) -> list[Table]:
    """Return the error of each regime at each number of annotations, and its reduction relative to the baseline.

    One row per number of annotations, the largest first, as in Table 1 of Mueller et al. 2020; one column per regime.
    Over several seeds errors and gains are means with their 95 % interval; gains are over the stage with the role
    'baseline' at the same number of annotations and the same seed, followed by the number of seeds in which they are
    positive. '-' marks cells for which no stage has run.

    Args:
        results: Seed -> its stages; the same stages for every seed.

    Returns:
        No table if no stage has a number of annotations; one if no other stage has a baseline.

    Raises:
        ValueError: As :func:`read_budgets`.
    """
    found = read_budgets(results)
    if found is None:
        return []
    over = f', {found.seeds} seeds, ± 95 %' if found.seeds > 1 else ''
    rows = [(f'{number:,}', *(cell(row.get(number)) for row in found.values.values())) for number in found.annotations]
    tables = [Table((f'annotations: {found.measure}{over}', *found.values), rows)]
    gains = {label: row for label in found.values if (row := _gains(found, label))}
    if gains:
        baselines = ' / '.join(dict.fromkeys(found.baselines.values()))
        rows = [
            (f'{number:,}', *(_gain(row.get(number)) for row in gains.values()))
            for number in found.annotations
            if any(number in row for row in gains.values())
        ]
        tables.append(Table((f'annotations: {found.measure} below {baselines}', *gains), rows))
    return tables


def _gains(found: BudgetErrors, label: str) -> dict[int, np.ndarray]:
    """Number of annotations -> a regime's gain over the baseline at that number, seed by seed."""
    return {
        number: found.values[found.baselines[number]][number] - errors
        for number, errors in found.values[label].items()
        if found.baselines.get(number, label) != label
    }


def _gain(values: np.ndarray | None) -> str:
    """Format a gain, with the number of seeds in which it is positive if there are several."""
    text = cell(values, sign=True)
    return text if values is None or len(values) == 1 else f'{text}, {(values > 0).sum()} of {len(values)}'
