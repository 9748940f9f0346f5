"""Descriptions of experiments: rows, metrics and claims, what was tried, and the paper's own figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from handkd.hints import ConfigError, check_choice, check_keys
from handkd.reading import read_json, shown

from .result_logs import DESCRIPTION

BETTER = ('lower', 'higher')


@dataclass(frozen=True)
class Metric:
    """One number of a table.

    Attributes:
        key: Its name with its protocol, as in the logs, such as 'px_21j/EPE_mean'.
        name: Its name in the page, with its unit.
        better: Which values are better, 'lower' or 'higher'.
        digits: Digits after the decimal point. Defaults to 2.
    """

    key: str
    name: str
    better: str
    digits: int = 2


@dataclass(frozen=True)
class Claim:
    """One claim: a row is better than another one, by the first metric.

    Attributes:
        text: The claim in a sentence.
        row: Name of the row.
        against: Name of the row that it should be better than.
    """

    text: str
    row: str
    against: str


@dataclass(frozen=True)
class Experiment:
    """Description of an experiment, the file ``experiment.json`` in the folder of its logs.

    Attributes:
        path: The file.
        title: Its heading in the page.
        rows: Names of the rows in their order; each row that has logs must be one of them.
        metrics: The metrics; the first one decides about the claims.
        baseline: Name of the row that the others are compared with; rows with a number of annotations are compared
            with the row of the role 'baseline' that has the same number.
        claims: The claims, at least one.
        tried: What was tried, in a sentence; needed if a claim did not reproduce. Defaults to ''.
        paper: Source of the paper's figures. Defaults to '': none are given.
        figures: Metric's key -> name of the row -> the paper's own figure, as text. Defaults to none.
    """

    path: Path
    title: str
    rows: Sequence[str]
    metrics: Sequence[Metric]
    baseline: str
    claims: Sequence[Claim]
    tried: str = ''
    paper: str = ''
    figures: dict[str, dict[str, str]] | None = None

    @property
    def name(self) -> str:
        """Name of the experiment, that of its folder."""
        return self.path.parent.name

    def figure(self, metric: Metric, row: str) -> str:
        """Return the paper's own figure of a row, '-' if it has none."""
        return (self.figures or {}).get(metric.key, {}).get(row, '-')


def read_experiment(folder: str | Path) -> Experiment:
    """Read the description in an experiment's folder.

    Args:
        folder: The folder.

    Raises:
        OSError: If it can't be read.
        ConfigError: If it is invalid; names the file and the key.
    """
    path = Path(folder) / DESCRIPTION
    data = _entries(read_json(path), ('title', 'rows', 'metrics', 'baseline', 'claims'), _OPTIONAL, str(path))
    where = f'{path}: '
    rows = _list(data['rows'], str, f"{where}'rows'")
    metrics = [
        Metric(**_entries(each, ('key', 'name', 'better'), dict(digits=int), f"{where}'metrics'"))
        for each in _list(data['metrics'], dict, f"{where}'metrics'")
    ]
    for metric in metrics:
        check_choice(metric.better, BETTER, f"{where}'better' of {metric.key!r}")
    claims = [
        Claim(**{'against': data['baseline'], **_entries(each, ('text', 'row'), dict(against=str), f"{where}'claims'")})
        for each in _list(data['claims'], dict, f"{where}'claims'")
    ]
    figures = data.get('figures', {})
    check_keys(figures, [metric.key for metric in metrics], f"{where}'figures'")
    named = [row for claim in claims for row in (claim.row, claim.against)]
    for key in figures:
        figures[key] = _entries(figures[key], (), dict.fromkeys(rows, str), f"{where}'figures' of {key!r}")
    for row in (data['baseline'], *named):
        check_choice(row, rows, f"{where}'rows'")
    if figures and not data.get('paper'):
        raise ConfigError(f"{path}: 'figures' need 'paper', their source")
    return Experiment(path=path, **{**data, 'rows': rows, 'metrics': metrics, 'claims': claims})


_OPTIONAL = dict(tried=str, paper=str, figures=dict)


def _entries(data: object, needed: Sequence[str], optional: dict[str, type], where: str) -> dict:
    """Return a dict whose keys are checked; texts that are needed must not be empty."""
    if not isinstance(data, dict):
        raise ConfigError(f'{where}: expected a dict, found {shown(data)}')
    check_keys(data, [*needed, *optional], where)
    for key in needed:
        if not data.get(key):
            raise ConfigError(f'{where}: {key!r} is missing or empty')
    kinds = {key: str for key in needed if key not in ('rows', 'metrics', 'claims')} | optional
    for key, kind in kinds.items():
        if key in data and type(data[key]) is not kind:
            raise ConfigError(f'{where}: {key!r} must be a {kind.__name__}, found {shown(data[key])}')
    return dict(data)


def _list(data: object, kind: type, where: str) -> list:
    if not isinstance(data, list) or not data or not all(isinstance(entry, kind) for entry in data):
        raise ConfigError(f'{where} must be a list of {kind.__name__}, at least one, found {shown(data)}')
    return data
