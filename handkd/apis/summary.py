"""Tables of results, of one seed or over several with the gain over the baseline seed by seed; and the same as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from handkd.hints import check_choice
from handkd.visualization import Table

from .cells import cell
from .stage_results import PCK, PLANE, VIOLATIONS, StageResult, all_have, compared, gap_closed


class _Measure(NamedTuple):
    """A metric in the table over seeds, and its gain over a stage, both as mean and interval."""

    name: str
    header: str
    gain_header: str
    digits: int
    unit: str = ''
    gain_unit: str = ''
    factor: int = 1
    sign: int = 1  # -1 if less is better, so that a gain is positive


_MEASURES = (
    _Measure('EPE_mean', 'EPE mean ({unit})', 'EPE gain', 2, sign=-1),
    _Measure('AUC', 'AUC', 'AUC gain', 3),
)
_OPTIONAL = (
    _Measure(PLANE, '2D mean (mm)', '2D gain', 2, sign=-1),
    _Measure(VIOLATIONS, 'V.F.', 'V.F. gain', 1, ' %', ' pp', factor=100, sign=-1),
)
"""Metrics that are in the table only if all stages have measured them."""


def results_table(stages: Sequence[StageResult]) -> Table:
    """Return the table of results: errors, area under the PCK curve, PCK, 2D error, V.F., and share of the gap closed.

    PCK is that of MMPose's ``PCKAccuracy``; the 2D error is the one within the image plane; V.F. is the share of hands
    with a joint angle out of bounds. These and the median error are included only if all stages have measured them, and
    the share of the gap only if there is a gap.
    """
    stages = compared(stages)
    closed = gap_closed(stages)
    unit = stages[0].unit if stages else 'mm'
    columns = {
        '': [stage.label for stage in stages],
        f'EPE mean ({unit})': [cell(stage.metric('EPE_mean')) for stage in stages],
    }
    if all_have(stages, 'EPE_median'):
        columns[f'EPE median ({unit})'] = [cell(stage.metric('EPE_median')) for stage in stages]
    columns['AUC'] = [cell(stage.metric('AUC'), 3) for stage in stages]
    if all_have(stages, PCK):
        columns['PCK'] = [cell(100 * stage.metric(PCK), 1, ' %') for stage in stages]
    if all_have(stages, PLANE):
        columns['2D mean (mm)'] = [cell(stage.metric(PLANE)) for stage in stages]
    if all_have(stages, VIOLATIONS):
        columns['V.F.'] = [cell(100 * stage.metric(VIOLATIONS), 1, ' %') for stage in stages]
    if closed:
        columns['gap closed'] = [cell(100 * closed[stage.name], 0, ' %') for stage in stages]
    strong = [i for i, stage in enumerate(stages) if stage.role == 'student']
    return Table(tuple(columns), list(zip(*columns.values())), strong)


def summarize_seeds(results: Mapping[int, Sequence[StageResult]], against: str | None = None) -> Table:
    """Return a table over seeds: every stage's error and AUC, each with its gain over the baseline of the same seed.

    Gains are positive if a stage is better than the baseline, or than the named stage. If all stages have measured it,
    the error within the image plane, or V.F., the share of hands with a joint angle out of bounds (gains in percentage
    points), replaces the number of seeds in which the error is smaller. The last column is the share of the gap between
    baseline and teacher (:func:`~handkd.apis.stage_results.gap_closed`), if there is a gap in every seed. Stages for
    pretraining or segmentation, and those with a number of annotations, are left out.

    Args:
        results: Seed -> its stages; the same stages for every seed.
        against: Name of the stage that the others are compared with. Defaults to None: the baseline.

    Raises:
        ValueError: If there are fewer than two seeds, or ``against`` is not a stage.
    """
    if len(results) < 2:
        raise ValueError(f'a table over seeds needs two or more, found {len(results)}')
    runs = [compared(stages) for stages in results.values()]
    stages = runs[0]
    unit = stages[0].unit if stages else 'mm'
    base = _find_base(stages, against)
    against = '' if base is None else f', over {against or "baseline"}'
    optional = [measure for measure in _OPTIONAL if all(all_have(run, measure.name) for run in runs)]
    columns = {f'{len(runs)} seeds, ± 95 %{against}': [stage.label for stage in stages]}
    for measure in (*_MEASURES, *optional):
        values = np.array([[measure.factor * stage.metric(measure.name) for stage in run] for run in runs]).T
        columns[measure.header.format(unit=unit)] = [cell(row, measure.digits, measure.unit) for row in values]
        if base is not None:
            goodness = measure.sign * values
            gains = goodness - goodness[base]
            texts = [cell(row, measure.digits, measure.gain_unit, sign=True) for row in gains]
            columns[measure.gain_header] = _without(base, texts)
            if measure.name == 'EPE_mean' and not optional:  # for both the table would be too wide
                columns['better on'] = _without(base, [f'{(row > 0).sum()} of {len(runs)}' for row in gains])
    shares = [gap_closed(run) for run in runs]
    if all(shares):
        texts = [cell([100 * share[stage.name] for share in shares], 0, ' %') for stage in stages]
        columns['gap closed'] = ['-' if stage.role == 'baseline' else text for stage, text in zip(stages, texts)]
    strong = [i for i, stage in enumerate(stages) if stage.role == 'student']
    return Table(tuple(columns), list(zip(*columns.values())), strong)


def sets_table(results: Mapping[int, Sequence[StageResult]]) -> Table:
    """Return a table of each stage's error and AUC on each set of a ``JoinedDataset``.

    Several seeds give means with their 95 % intervals. A stage that was not tested on a set, such as a depth teacher on
    one without depth, has '-'. The table has no rows if no stage was tested on a ``JoinedDataset``.

    Args:
        results: Seed -> its stages; the same stages for every seed.
    """
    runs = [compared(stages) for stages in results.values()]
    stages = list(zip(*runs))  # each in every seed
    names = list(dict.fromkeys(name for seeds in stages for one in seeds for name in one.by_set('EPE_mean')))
    if not names:
        return Table((), [], [])
    columns = {'by set': [seeds[0].label for seeds in stages]}
    for name in names:
        header = f'{name}: EPE mean ({stages[0][0].unit})'
        for metric, title, digits in (('EPE_mean', header, 2), ('AUC', f'{name}: AUC', 3)):
            found = [[one.by_set(metric).get(name) for one in seeds] for seeds in stages]
            columns[title] = [cell(None if None in values else values, digits) for values in found]
    strong = [i for i, seeds in enumerate(stages) if seeds[0].role == 'student']
    return Table(tuple(columns), list(zip(*columns.values())), strong)


def of_every_seed(results: Mapping[int, Sequence[StageResult]]) -> dict[int, list[StageResult]]:
    """Return the results of the stages that have one for every seed, as tables over seeds need them.

    Args:
        results: Seed -> its stages.
    """
    names = [{stage.name for stage in stages} for stages in results.values()]
    shared = set.intersection(*names) if names else set()
    return {seed: [stage for stage in stages if stage.name in shared] for seed, stages in results.items()}


def _find_base(stages: Sequence[StageResult], against: str | None) -> int | None:
    """Return the number of the stage to compare with; None if that is the baseline, and there is none."""
    names = [stage.name for stage in stages]
    if against is None:
        return next((i for i, stage in enumerate(stages) if stage.role == 'baseline'), None)
    check_choice(against, names, 'stage to compare with')
    return names.index(against)


def _without(base: int, texts: Sequence[str]) -> list[str]:
    """Return a column with '-' for the stage that the others are compared with."""
    return ['-' if i == base else text for i, text in enumerate(texts)]


def results_record(results: Mapping[int, Sequence[StageResult]], *tables: Table) -> dict:
    """Return all metrics of every stage and seed, and the tables made from them, in a form for JSON.

    Args:
        results: Seed -> its stages; the same stages for every seed.
        *tables: The tables that were shown.

    Returns:
        ``stages``, a list of dicts with ``name``, ``label``, ``role``, ``config``, ``annotations`` and ``metrics``,
        which is seed -> name with its protocol -> value; and ``tables``, a list of dicts with ``headers`` and ``rows``
        of text.
    """
    stages = [
        dict(
            name=runs[0].name,
            label=runs[0].label,
            role=runs[0].role,
            config=str(runs[0].config),
            annotations=runs[0].annotations,
            metrics={str(seed): run.metrics for seed, run in zip(results, runs)},
        )
        for runs in zip(*results.values())
    ]
    shown = [dict(headers=list(table.headers), rows=[list(row) for row in table.rows]) for table in tables]
    return dict(stages=stages, tables=shown)


def recorded_results(record: Mapping) -> dict[int, list[StageResult]]:
    """Return the stages of a record, seed -> its stages: the inverse of :func:`results_record`, without file paths.

    Args:
        record: Result of :func:`results_record`.

    Raises:
        ValueError: If it is not such a record, or a stage lacks one of the seeds.
    """
    try:
        stages = record['stages']
        seeds = list(stages[0]['metrics'])
        return {
            int(seed): [
                StageResult(
                    name=stage['name'],
                    label=stage['label'],
                    role=stage['role'],
                    work_dir='',
                    config=stage['config'],
                    checkpoint='',
                    metrics=stage['metrics'][seed],
                    predictions='',
                    annotations=stage.get('annotations'),
                )
                for stage in stages
            ]
            for seed in seeds
        }
    except (KeyError, IndexError, TypeError) as error:
        raise ValueError(
            f'expected the results that `handkd stages --out` writes, found another record ({error!r})'
        ) from error
