"""Reading small YAML files from anybody: plain text, lists and mappings, nothing else."""

from __future__ import annotations

import os

import yaml

from handkd.reading import read_text, reading, shown
from handkd.units import FARTHEST

MAX_BYTES = 1 << 20
"""Largest YAML file that is read, bytes: calibrations have a few thousand."""
_MAX_DEPTH = 20
_LOADER = getattr(yaml, 'CBaseLoader', yaml.BaseLoader)  # makes text only: no numbers, dates or objects


def read_yaml(path: str | os.PathLike) -> dict:
    """Read a mapping from a YAML file; all its scalars are text, as written.

    Text stays text because YAML reads names such as 20200702_151821 as numbers. Anchors, aliases and merges are
    refused, which could repeat a small file's content without end; tags are ignored, so no object is made.

    Args:
        path: The file.

    Returns:
        The mapping, of text, lists and mappings.

    Raises:
        OSError: If it can't be read.
        ValueError: If it is larger than :data:`MAX_BYTES`, no YAML, not a mapping, or has anchors; names it.
    """
    if os.path.getsize(path) > MAX_BYTES:
        raise ValueError(
            f'{os.fspath(path)!r} has {os.path.getsize(path)} bytes, expected a small YAML file of at most {MAX_BYTES}'
        )
    text = read_text(path)
    with reading(path, 'is not valid YAML'):
        fault = _find_fault(text)
        content = None if fault else yaml.load(text, _LOADER)  # noqa: S506  (the base loader makes text only)
    if fault:
        raise ValueError(f'{os.fspath(path)!r} has {fault}, which is not accepted: write the values out')
    if not isinstance(content, dict):
        raise ValueError(f'{os.fspath(path)!r} must hold a mapping of keys to values, found {shown(content)}')
    return content


def _find_fault(text: str) -> str | None:
    """Describe anchors, aliases and deep nesting; the events are read without recursion."""
    depth = 0
    for event in yaml.parse(text, _LOADER):
        if getattr(event, 'anchor', None) is not None:
            return f'the anchor or alias {str(event.anchor)[:40]!r}'
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_DEPTH:
            return f'more than {_MAX_DEPTH} levels'
    return None


def yaml_numbers(values: object, count: int, where: str) -> list[float]:
    """Return a list of numbers from a YAML file.

    Args:
        values: The content at a key.
        count: Expected number of numbers.
        where: File and key, for the error.

    Raises:
        ValueError: If it is not a list of so many numbers up to :data:`handkd.units.FARTHEST`; names the place.
    """
    try:
        numbers = [float(value) for value in values] if isinstance(values, list) else []
    except (TypeError, ValueError):
        numbers = []
    if len(numbers) != count or not all(abs(number) <= FARTHEST for number in numbers):
        raise ValueError(f'{where} must be {count} finite numbers up to {FARTHEST:g}, found {shown(values)}')
    return numbers
