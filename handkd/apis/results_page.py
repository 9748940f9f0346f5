"""The page of results, in Markdown: verdicts by a stated rule, tables over seeds, and the command of each row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from handkd.hints import ConfigError

from .cells import cell
from .experiments import Claim, Experiment, Metric, read_experiment
from .result_logs import DESCRIPTION, ResultLog, read_logs
from .result_rows import (
    CONTRADICTED,
    NOT_SHOWN,
    REPRODUCED,
    SEEDS_NEEDED,
    VERDICTS,
    Comparison,
    Row,
    compare_rows,
    find_disagreements,
    group_rows,
    judge_claim,
)

_HEAD = f"""# Results

Written by `handkd results build` from the logs of finished runs ([docs/results.md](docs/results.md)); do not edit.

A cell is the mean over seeds ± the half-width of its 95 % interval (Student's t). Differences to another row are taken
seed by seed: their mean ± its 95 % interval, the two-sided p of a paired t-test, and the number of seeds in which the
row is better. Tests are not corrected for their number. Columns marked "theirs" are the paper's own figures, on its own
data.

A claim is **{REPRODUCED}** if the 95 % interval of the paired difference excludes 0 on the claimed side, over at least
{SEEDS_NEEDED} seeds; **{CONTRADICTED}** if it excludes 0 on the other side; else **{NOT_SHOWN}**. With fewer seeds
there is no verdict. Experiments with a claim that did not reproduce come first.
"""


class _Section(NamedTuple):
    """One experiment with its rows and the verdicts about its claims."""

    experiment: Experiment
    rows: Mapping[str, Row]
    verdicts: Sequence[tuple[Claim, str, Comparison | None]]

    @property
    def verdict(self) -> str:
        """The verdict that decides about its place: that which is first in ``VERDICTS``."""
        return min((verdict for _, verdict, _ in self.verdicts), key=VERDICTS.index)


def build_page(folders: Sequence[str | Path]) -> tuple[str, list[str]]:
    """Build the page of results.

    Args:
        folders: Folders of results, such as those of several machines; each has one folder per experiment.

    Returns:
        The page, and a line for each seed whose logs from several machines disagree.

    Raises:
        OSError: If a file can't be read.
        ConfigError: If a log or a description is invalid, logs of one row are of different configs, or an experiment
            whose claim did not reproduce does not say what was tried; names the files and the key.
    """
    sections, flagged = [], []
    for experiment, logs in _gather(folders):
        rows = group_rows(experiment, logs)
        decisive = experiment.metrics[0]
        verdicts = [(claim, *judge_claim(claim, rows, decisive)) for claim in experiment.claims]
        section = _Section(experiment, rows, verdicts)
        if section.verdict in (CONTRADICTED, NOT_SHOWN) and not experiment.tried:
            claim = next(claim.text for claim, verdict, _ in verdicts if verdict == section.verdict)
            raise ConfigError(
                f"{experiment.path}: 'tried' is missing: a claim is {section.verdict} ({claim}), so say in a sentence "
                'what was tried'
            )
        sections.append(section)
        flagged += [f'{experiment.name}: {line}' for line in find_disagreements(rows, experiment.metrics)]
    sections.sort(key=lambda section: VERDICTS.index(section.verdict))
    blocks = [_HEAD.rstrip('\n'), _overview(sections)]
    blocks += [block for section in sections for block in _section_blocks(section)]
    return '\n\n'.join(block for block in blocks if block) + '\n', flagged


def _gather(folders: Sequence[str | Path]) -> Iterable[tuple[Experiment, dict[Path, ResultLog]]]:
    """Yield each experiment with its logs from all folders, by name; of equal logs only the first."""
    places: dict[str, list[Path]] = {}
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise FileNotFoundError(f'{folder}: no such folder of results')
        stray = sorted(folder.glob('*.json'))
        if stray:
            raise ConfigError(f'{stray[0]}: logs belong into the folder of their experiment, found one beside it')
        for place in sorted(path for path in folder.iterdir() if path.is_dir()):
            places.setdefault(place.name, []).append(place)
    for name in sorted(places):
        described = [read_experiment(place) for place in places[name] if (place / DESCRIPTION).is_file()]
        if not described:
            raise ConfigError(f'{places[name][0] / DESCRIPTION} is missing: describe the experiment (docs/results.md)')
        for other in described[1:]:
            if other.path.read_bytes() != described[0].path.read_bytes():
                raise ConfigError(f'{described[0].path} and {other.path} differ: keep one description')
        logs: dict[Path, ResultLog] = {}
        for path, log in (found for place in places[name] for found in read_logs(place).items()):
            if log not in logs.values():
                logs[path] = log
        yield described[0], logs


def _overview(sections: Sequence[_Section]) -> str:
    rows = [
        (section.experiment.title, claim.text, f'**{verdict}**', _comparison(section, comparison))
        for section in sections
        for claim, verdict, comparison in section.verdicts
    ]
    return _markdown(('experiment', 'claim', 'verdict', 'paired difference'), rows)


def _section_blocks(section: _Section) -> list[str]:
    """Return the paragraphs and tables of one experiment."""
    experiment, rows = section.experiment, section.rows
    blocks = [f'## {experiment.title}']
    for claim, verdict, comparison in section.verdicts:
        what = f'`{claim.row}` against `{claim.against}`: {_comparison(section, comparison)}'
        blocks.append(f'**{verdict[0].upper()}{verdict[1:]}.** {claim.text} ({what})')
    if experiment.tried:
        blocks.append(f'What was tried: {experiment.tried}')
    blocks += [f'**Machines disagree.** {line}' for line in find_disagreements(rows, experiment.metrics)]
    for row in rows.values():
        if row.diverged:
            blocks.append(f'`{row.name}` diverged with seed {", ".join(map(str, row.diverged))}.')
    missing = [name for name in experiment.rows if name not in rows]
    if missing:
        blocks.append(f'Rows without logs: {", ".join(f"`{name}`" for name in missing)}.')
    blocks += [_metric_table(experiment, rows, metric) for metric in experiment.metrics if rows]
    if experiment.figures:
        blocks.append(f'Theirs: {experiment.paper}')
    if rows:
        blocks.append(_runs_table(rows))
    return blocks


def _comparison(section: _Section, comparison: Comparison | None) -> str:
    """Return a comparison in words, by the metric that decides."""
    if comparison is None or comparison.difference is None:
        return f'{0 if comparison is None else comparison.seeds} paired seeds'
    metric = section.experiment.metrics[0]
    difference, p, better = _difference_cells(comparison, metric)
    return f'{metric.name} {difference}, p {p}, better on {better}'


def _difference_cells(comparison: Comparison, metric: Metric) -> tuple[str, str, str]:
    """Return the cells of a difference, its p-value, and the number of seeds in which the row is better."""
    better = f'{comparison.better} of {comparison.seeds}'
    if comparison.difference is None:
        return '-', '-', better
    mean, half, p = comparison.difference
    shown = '< 0.001' if p < 0.001 else f'{p:.3f}'
    return f'{mean:+.{metric.digits}f} ± {half:.{metric.digits}f}', shown, better


def _reference(experiment: Experiment, rows: Mapping[str, Row], row: Row) -> Row | None:
    """Return the row that a row is compared with: of the same number of annotations, if it has one."""
    number = row.first.annotations
    if number is None:
        return rows.get(experiment.baseline)
    same = (other for other in rows.values() if other.first.annotations == number)
    return next((other for other in same if other.first.role == 'baseline'), None)


def _metric_table(experiment: Experiment, rows: Mapping[str, Row], metric: Metric) -> str:
    base = rows.get(experiment.baseline)
    name = experiment.baseline if base is None else _label(base)
    headers = ['row', 'role', 'seeds', f'{metric.name}, {metric.better} is better']
    headers += [f'difference to {name}', 'p', 'better on', *(['theirs'] if experiment.figures else [])]
    lines = []
    for row in rows.values():
        values = list(row.values(metric).values())
        reference = _reference(experiment, rows, row)
        compared = ('-', '-', '-')
        if values and reference not in (None, row):
            compared = _difference_cells(compare_rows(row, reference, metric), metric)
        line = [_label(row), row.first.role.replace('_', ' '), str(len(values)), cell(values or None, metric.digits)]
        lines.append([*line, *compared, *([experiment.figure(metric, row.name)] if experiment.figures else [])])
    return _markdown(headers, lines)


def _runs_table(rows: Mapping[str, Row]) -> str:
    """Return the table of how each row was run: of all its seeds, the command is that of the first."""
    lines = []
    for row in rows.values():
        logs = [log for one in row.logs.values() for log in one.values()]
        machines = _each(
            None if log.machine is None else f'{log.machine["cpu"]}, {log.machine["cores"]} cores' for log in logs
        )
        images = _each(None if log.images is None else f'{log.images:,}' for log in logs if log.diverged is None)
        commits = _each(log.commit for log in logs)
        command = f'`{row.first.command}`'
        lines.append([_label(row), images, commits, machines, f'`{row.first.config_hash[:12]}`', command])
    return _markdown(('row', 'training images', 'commit', 'machine', 'config hash', 'command of the first seed'), lines)


def _label(row: Row) -> str:
    number = row.first.annotations
    return row.first.label + ('' if number is None else f', {number:,} labels')


def _each(texts: Iterable[str | None]) -> str:
    """Return the different texts, in their order."""
    return '; '.join(dict.fromkeys(text or 'not recorded' for text in texts)) or '-'


def _markdown(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headers, ['---'] * len(headers), *rows]
    return '\n'.join(f'| {" | ".join(text.replace("|", chr(92) + "|") for text in line)} |' for line in lines)
