"""Rig fields of a hand folder's lines: which camera took which hand of which sequence, and when."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from handkd.hand import SIDES
from handkd.reading import check_name, shown

from ..views import Captures, number_rows

PLACE = ('camera', 'sequence', 'frame', 'subject')
"""Keys that together say where and when an image of a rig was taken, and of whom."""
_NEEDED = (*PLACE, 'K', 'R', 'T')
_LARGEST = 10**9
_COLUMNS = ('sequence', 'frame', 'subject', 'camera', 'side')


def check_place(line: Mapping, where: str) -> None:
    """Check the rig fields of a line: all or none, and their values.

    Args:
        line: The line's keys.
        where: File and line number, for errors.

    Raises:
        ValueError: If only some of :data:`PLACE` are given, or ``K``, ``R`` or ``T`` is missing beside them, or a value
            is wrong; names the line, the key, the expected and the found value.
    """
    given = [key for key in PLACE if key in line]
    if not given:
        return
    missing = [key for key in _NEEDED if key not in line]
    if missing:
        raise ValueError(
            f'{where}: {", ".join(map(repr, missing))} missing beside {given[0]!r}: a line of a camera rig needs '
            f'{", ".join(map(repr, _NEEDED))}, and other lines none of {", ".join(map(repr, PLACE))}'
        )
    for key in ('camera', 'frame', 'subject'):
        if type(line[key]) is not int or not 0 <= line[key] <= _LARGEST:
            raise ValueError(f'{where}: {key!r} must be a whole number from 0 to 1e9, found {shown(line[key])}')
    if not isinstance(line['sequence'], str):
        raise ValueError(f"{where}: 'sequence' must be a name, found {shown(line['sequence'])}")
    check_name(line['sequence'], f"{where}: 'sequence'")


class RigTable:
    """Rig fields of all lines of a file, collected while its index is built.

    Args:
        path: The file, for errors.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._names: dict[str, int] = {}
        self._rows: list[tuple[int, ...]] = []
        self._lines: list[int] = []
        self._without: int | None = None

    def add(self, line: Mapping, number: int) -> None:
        """Add a checked line with its number in the file."""
        if 'camera' not in line:
            self._without = number if self._without is None else self._without
            return
        sequence = self._names.setdefault(line['sequence'], len(self._names))
        self._rows.append((sequence, line['frame'], line['subject'], line['camera'], SIDES.index(line['side'])))
        self._lines.append(number)

    def columns(self) -> dict[str, np.ndarray]:
        """Return the index's columns of the lines added, shape (N,) each, and the sequences' ``names``; {} if no rig.

        Raises:
            ValueError: If only some lines have the rig fields, or two lines have the same; names the lines.
        """
        if not self._rows:
            return {}
        if self._without is not None:
            raise ValueError(
                f'{self._path}:{self._without}: {", ".join(map(repr, PLACE))} missing, but line {self._lines[0]} has '
                'them: give them in all lines, or keep other images in a file of their own'
            )
        rows = np.array(self._rows, np.int64)
        _, first, same = np.unique(rows, axis=0, return_index=True, return_inverse=True)
        again = np.flatnonzero(first[same.reshape(-1)] != np.arange(len(rows)))
        if len(again):
            row, line = again[0], self._lines[first[same.reshape(-1)[again[0]]]]
            raise ValueError(
                f'{self._path}:{self._lines[row]}: the same camera, sequence, frame, subject and side as line {line}: '
                'each must be labelled once'
            )
        return {**dict(zip(_COLUMNS, rows.T)), 'names': np.array(list(self._names))}


def read_captures(index: Mapping[str, np.ndarray], path: str) -> Captures:
    """Return subject, sequence, frame and camera of all samples of an index with :class:`RigTable`'s columns.

    Args:
        index: The columns, integers of shape (N,), and the sequences' names; no unit, no frame.
        path: The file, for the error.

    Raises:
        ValueError: If its lines have no rig fields.
    """
    if 'names' not in index:
        raise ValueError(
            f'{path}: its lines do not say which camera took them, and when: give {", ".join(map(repr, PLACE))} with '
            "'K', 'R' and 'T' in each (docs/datasets.md, a rig of your own)"
        )
    sequence, frame, subject, view, side = (np.asarray(index[key]) for key in _COLUMNS)
    track = number_rows(sequence, subject, side)
    return Captures(subject, sequence, frame, view, track, tuple(map(str, index['names'])))
