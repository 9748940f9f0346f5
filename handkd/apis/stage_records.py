"""The file in a stage's folder that records its progress."""

from __future__ import annotations

import json
from pathlib import Path

from handkd.files import write_atomically
from handkd.hints import ConfigError
from handkd.reading import check_name, read_json, shown

FILE = 'stage.json'
_REMEDY = 'delete it: the stage then resumes from its last checkpoint, and is evaluated again'


def read_record(folder: Path) -> dict:
    """Return a stage's record: its fingerprint, and for a finished stage the metrics and two file names.

    Args:
        folder: The stage's folder.

    Returns:
        The record; empty if the file is missing.

    Raises:
        ConfigError: If it is damaged, or was not written by a stage; names the file and the remedy.
    """
    path = folder / FILE
    if not path.is_file():
        return {}
    try:
        record = read_json(path, constants=True)  # a metric may be NaN
        _check(record, path)
    except ValueError as error:
        raise ConfigError(f'{error}; {_REMEDY}') from error
    return record


def write_record(folder: Path, record: dict) -> None:
    """Write a stage's record atomically."""
    write_atomically(folder / FILE, json.dumps(record, indent=2).encode())


def _check(record: object, path: Path) -> None:
    """Refuse a record that no stage has written; its file names are looked up in its folder."""
    if not isinstance(record, dict):
        raise ValueError(f'{path}: expected a dict, found {shown(record)}')
    finished = record.get('metrics') is not None
    expected = {'fingerprint': str} | {key: str for key in ('config', 'diverged', 'commit') if key in record}
    expected |= {'machine': dict} if 'machine' in record else {}
    expected |= {'metrics': dict, 'checkpoint': str} if finished else {}
    expected |= {'predictions': str} if finished and record.get('predictions', '') is not None else {}
    for key, kind in expected.items():
        if not isinstance(record.get(key), kind):
            raise ValueError(f'{path}: {key!r} must be a {kind.__name__}, found {shown(record.get(key))}')
    for name, value in record['metrics'].items() if finished else ():
        if type(value) not in (int, float):
            raise ValueError(f'{path}: the metric {name!r} must be a number, found {shown(value)}')
    for key in ('checkpoint', 'predictions') if finished else ():
        if record[key] is None:  # of the predictions: the metrics write none
            continue
        check_name(record[key], f'{path}: {key!r}')
