"""Labels of single samples that can't be read: the first one stops, or all of them are left out and counted."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from handkd.units import is_sane

from .index import watch
from .label_checks import check_finite

_LENGTH = 300
"""How much of an error is kept, so that thousands of them stay small."""


class LabelError(ValueError):
    """What a data set says of a sample makes no sense; the message names data set and sample."""


class DamagedLabels:
    """The damaged labels that are met while an index is made.

    Labels are those of single samples: a file, a line or a row of a file. A file that holds the labels of many samples
    and can't be read at all is none of them, and its error is not to be given here.

    Args:
        on_corrupt: 'stop' or 'skip', what to do about one.
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
        """Go on behind a block that can't read a label of a file, if that may be skipped.

        Args:
            file: The file, which is looked at again when the index is opened another time.

        Raises:
            ValueError: What the block raises, where it may not be skipped; so with an OSError.
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
        """Return which of the N frames have sane numbers alone (:func:`handkd.units.is_sane`), shape (N,), bool.

        Args:
            values: Shape (N, K, ...).
            names: Of the K joints (or whatever the second axis is).
            frames: Of the N frames, as the data set numbers them.
            where: The label file.

        Raises:
            ValueError: If one has not, and may not be skipped; see :func:`~.label_checks.check_finite`.
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
        """Return what an index keeps of them, if there are any: 'damaged', the errors; and to watch their files."""
        return {'damaged': np.array(self._errors), **watch(self._files)} if self._errors else {}


def refusal(error: object) -> str:
    """Return an error about a damaged label with the way on without it."""
    return f"{error} (on_corrupt='skip' trains without such samples)"
