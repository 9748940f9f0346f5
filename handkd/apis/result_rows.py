"""Logs of an experiment as rows over seeds; logs of the same row and seed, from several machines, must agree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from handkd.evaluation import PairedDifference, mean_interval, paired_difference
from handkd.hints import ConfigError, check_choice

from .experiments import Claim, Experiment, Metric
from .result_logs import ResultLog

SEEDS_NEEDED = 5
"""Seeds in both rows of a claim that a verdict needs."""
REPRODUCED, CONTRADICTED, NOT_SHOWN, UNDECIDED = 'reproduced', 'contradicted', 'not reproduced', 'too few seeds'
VERDICTS = (CONTRADICTED, NOT_SHOWN, UNDECIDED, REPRODUCED)
"""Verdicts about a claim, in the order in which experiments are listed."""


@dataclass(frozen=True)
class Row:
    """All logs of one row of an experiment.

    Attributes:
        name: Its name.
        logs: Seed -> its logs by their files, one for each machine; seeds that diverged included.
    """

    name: str
    logs: Mapping[int, Mapping[Path, ResultLog]]

    @property
    def first(self) -> ResultLog:
        """Any log, for what all of a row share."""
        return next(iter(next(iter(self.logs.values())).values()))

    @property
    def diverged(self) -> list[int]:
        """Seeds that have no result on any machine."""
        return [seed for seed, logs in self.logs.items() if all(log.diverged is not None for log in logs.values())]

    def values(self, metric: Metric) -> dict[int, float]:
        """Return each seed's value of a metric, the mean over the machines; empty if no log has this metric.

        Raises:
            ConfigError: If some logs of the row have the metric, but another one has not; names its file.
        """
        found, lacking = defaultdict(list), None
        for seed, logs in self.logs.items():
            for path, log in logs.items():
                if metric.key in log.metrics:
                    found[seed].append(log.metrics[metric.key])
                elif log.diverged is None:
                    lacking = lacking or path
        if found and lacking is not None:
            raise ConfigError(
                f"{lacking}: 'metrics' has no {metric.key!r}, which other logs of the row {self.name!r} have: "
                'write it again with `handkd stages --log`'
            )
        return {seed: float(np.mean(values)) for seed, values in sorted(found.items())}


def group_rows(experiment: Experiment, logs: Mapping[Path, ResultLog]) -> dict[str, Row]:
    """Return the rows that have logs, in the order of the description.

    Args:
        experiment: The description.
        logs: All logs of the experiment, by their files.

    Raises:
        ConfigError: If a row is not in the description, or two logs of one row are of different configs; names the
            files.
    """
    grouped: dict[str, dict[int, dict[Path, ResultLog]]] = defaultdict(lambda: defaultdict(dict))
    seen: dict[str, Path] = {}
    for path, log in logs.items():
        check_choice(log.row, experiment.rows, f"{path}: 'row', by 'rows' of {experiment.path}")
        other = seen.setdefault(log.row, path)
        if logs[other].config_hash != log.config_hash:
            raise ConfigError(
                f'{other} and {path}: logs of one row, {log.row!r}, but of different configs ("config_hash"): remove '
                'those of the old config, or give the row another name'
            )
        grouped[log.row][log.seed][path] = log
    return {name: Row(name, dict(sorted(grouped[name].items()))) for name in experiment.rows if name in grouped}


def find_disagreements(rows: Mapping[str, Row], metrics: Sequence[Metric]) -> list[str]:
    """Return a line for each seed whose logs differ by more than the half-width of its row's 95 % interval over seeds.

    The interval is the narrowest that the row has with one of these logs for the seed, so that a wrong one does not
    widen its own bounds. A row of one seed has no interval: its logs must then be equal.

    Args:
        rows: The rows, by name.
        metrics: The metrics to compare.
    """
    lines = []
    for row in rows.values():
        for metric in metrics:
            values = row.values(metric)
            for seed, logs in row.logs.items():
                found = {path: log.metrics[metric.key] for path, log in logs.items() if metric.key in log.metrics}
                if len(found) < 2:
                    continue
                sets = [list((values | {seed: value}).values()) for value in found.values()]
                half = min(mean_interval(one)[1] for one in sets) if len(values) > 1 else 0.0
                if max(found.values()) - min(found.values()) > half:
                    lines.append(_disagreement(row, seed, metric, half, found))
    return lines


def _disagreement(row: Row, seed: int, metric: Metric, half: float, found: Mapping[Path, float]) -> str:
    each = ', '.join(f'{value:.{metric.digits}f} in {"/".join(path.parts[-3:])}' for path, value in found.items())
    bound = f'± {half:.{metric.digits}f}'
    return f'{row.name}, seed {seed}: {metric.name} differs by more than the interval, {bound}: {each}'


@dataclass(frozen=True)
class Comparison:
    """A row against another one over the seeds that both have.

    Attributes:
        seeds: Number of those seeds.
        difference: Row minus the other one; None if there are fewer than two seeds.
        better: Number of seeds in which the row is better.
    """

    seeds: int
    difference: PairedDifference | None
    better: int


def compare_rows(row: Row, other: Row, metric: Metric) -> Comparison:
    """Compare two rows seed by seed.

    Args:
        row: The row.
        other: The row that it is compared with.
        metric: The metric.
    """
    ours, theirs = row.values(metric), other.values(metric)
    shared = [seed for seed in ours if seed in theirs]
    pairs = [(ours[seed], theirs[seed]) for seed in shared]
    sign = 1 if metric.better == 'higher' else -1
    better = sum(sign * (one - two) > 0 for one, two in pairs)
    return Comparison(len(shared), paired_difference(*zip(*pairs)) if len(pairs) > 1 else None, better)


def judge_claim(claim: Claim, rows: Mapping[str, Row], metric: Metric) -> tuple[str, Comparison | None]:
    """Return the verdict about a claim and the comparison that it follows from.

    Args:
        claim: The claim.
        rows: The rows that have logs.
        metric: The metric that decides.

    Returns:
        One of :data:`VERDICTS`; and the comparison, None if a row has no logs.
    """
    if claim.row not in rows or claim.against not in rows:
        return UNDECIDED, None
    result = compare_rows(rows[claim.row], rows[claim.against], metric)
    if result.seeds < SEEDS_NEEDED:
        return UNDECIDED, result
    gain = result.difference.mean * (1 if metric.better == 'higher' else -1)
    if abs(gain) <= result.difference.half:
        return NOT_SHOWN, result
    return (REPRODUCED if gain > 0 else CONTRADICTED), result
