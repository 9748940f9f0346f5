"""Reader of MMEngine's logs of a training."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from handkd.reading import parse_json, read_text, shown

POSE_LOSSES = ('loss_reg', 'loss_heatmap')
"""Pose losses: of networks that predict coordinates, and heat maps."""

LOSS_KEYS = (*POSE_LOSSES, 'loss')
"""Keys of a loss curve, the first in all logs: the pose loss is comparable between runs with other loss terms."""


def read_scalars(work_dir: str | Path) -> list[dict]:
    """Read MMEngine's log of the training in a work dir.

    Args:
        work_dir: Folder of a run, with ``<time>/vis_data/scalars.json`` in it.

    Returns:
        One dict per logged step, with ``step``, in ascending order. After a resume, the later log counts.

    Raises:
        FileNotFoundError: If the folder has no such log.
        ValueError: If a line is not JSON, or has invalid numbers; names the file and the line.
    """
    return _by_step(record for record in _records(work_dir) if any(key in record for key in LOSS_KEYS))


def read_validation(work_dir: str | Path) -> list[dict]:
    """Read MMEngine's log of the validations in a work dir; arguments and errors as of :func:`read_scalars`.

    Returns:
        One dict per validation, with ``step`` and the metrics by their full names; empty if there was none.
    """
    return _by_step(record for record in _records(work_dir) if any('/' in key for key in record))


def _by_step(records: Iterator[dict]) -> list[dict]:
    """The last record of each step, in ascending order."""
    latest = {record['step']: record for record in records}
    return [latest[step] for step in sorted(latest)]


def _records(work_dir: str | Path) -> Iterator[dict]:
    files = sorted(Path(work_dir).glob('*/vis_data/scalars.json'))
    if not files:
        raise FileNotFoundError(f'{work_dir}: found no */vis_data/scalars.json; expected the work dir of a training')
    for file in files:
        lines = read_text(file).splitlines()
        for number, line in enumerate(lines, start=1):
            try:
                record = parse_json(line, f'{file}, line {number}', constants=True)
            except ValueError:
                if number == len(lines):  # the run was killed while writing this line
                    continue
                raise
            if not isinstance(record, dict):
                raise ValueError(f'{file}, line {number}: expected a JSON object, found {shown(record)}')
            _check(record, f'{file}, line {number}')
            yield record


def _check(record: dict, where: str) -> None:
    """Check the plotted numbers: step, losses and metrics."""
    drawn = {key: value for key, value in record.items() if key in LOSS_KEYS or '/' in key}
    if drawn and type(record.get('step')) is not int:
        raise ValueError(f"{where}: 'step' must be a whole number, found {shown(record.get('step'))}")
    for key, value in drawn.items():
        if not isinstance(value, (int, float)):
            raise ValueError(f'{where}: {shown(key)} must be a number, found {shown(value)}')
