"""Labels of single samples that can't be read: the first one is an error, or all are left out and counted."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from handkd.units import is_sane

from .index import watch
from .label_checks import check_finite

_LENGTH = 300
"""Characters kept of an error, so that thousands of them stay small."""


class LabelError(ValueError):
    """The labels of a sample are invalid; the message names data set and sample."""


class DamagedLabels:
    """Damaged labels found while an index is built.

    Labels are those of single samples: one file, line or row of a file. An unreadable file with the labels of many
    samples does not belong here: it is always an error.

    Args:
        on_corrupt: 'stop' or 'skip' on a damaged label.
    """

    def __init__(self, on_corrupt: str) -> None:
        self._skip = on_corrupt == 'skip'
        self._errors: list[str] = []
        self._files: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._errors)

    @property
    def first(self) -> str:
        """The first error."""
        return self._errors[0]

    @contextmanager
    def guard(self, file: str | os.PathLike) -> Iterator[None]:
        """Continue after a block that can't read a label of a file, if it may be skipped.

        Args:
            file: The file; a later change of it makes the index obsolete.

        Raises:
            ValueError: The block's error, if it may not be skipped.
            OSError: Likewise.
        """
        try:
            yield
        except (ValueError, OSError) as error:
            if not self._skip and isinstance(error, OSError):
                raise
            if not self._skip:
                raise ValueError(refusal(error)) from error
            self._errors.append(str(error)[:_LENGTH])
            self._files[os.fspath(file)] = None

    def sound(
        self, values: np.ndarray, names: Sequence[str], frames: Sequence[int], where: str | os.PathLike
    ) -> np.ndarray:
        """Return which of the N frames have only sane numbers (:func:`handkd.units.is_sane`), shape (N,), bool.

        Args:
            values: Labels, shape (N, K, ...), any unit and frame.
            names: Of the K joints (or other entries of the second axis).
            frames: Of the N frames, as the data set numbers them.
            where: The label file.

        Raises:
            ValueError: If a frame has others, and may not be skipped; see :func:`~.label_checks.check_finite`.
        """
        kept = is_sane(values).all(axis=tuple(range(1, values.ndim)))
        if not kept.all() and not self._skip:
            with self.guard(where):
                check_finite(values, names, frames, where)
        for row in np.flatnonzero(~kept):
            with self.guard(where):
                check_finite(values[row : row + 1], names, [frames[row]], where)
        return kept

    def columns(self) -> dict[str, np.ndarray]:
        """Return the index's columns of damaged labels, if any: 'damaged', the errors; and the watched files."""
        return {'damaged': np.array(self._errors), **watch(self._files)} if self._errors else {}


def refusal(error: object) -> str:
    """Return an error about a damaged label, with the remedy."""
    return f"{error} (on_corrupt='skip' trains without such samples)"
