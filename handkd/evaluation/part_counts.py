"""Counts of correct pixels per part, of one model on one split, in one file."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from handkd.files import write_atomically

from .predictions import read_arrays
from .segmentation import SegmentationAccuracy, segmentation_accuracy


@dataclass(frozen=True)
class PartCounts:
    """Pixel counts of a metric of parts, over all images.

    Attributes:
        correct: Correctly predicted pixels of each part, shape (P,), int64; the first one is part 1.
        total: All pixels of each part, of the same shape.
        protocol: Name of the protocol, such as 'parts20_no-background'.
    """

    correct: np.ndarray
    total: np.ndarray
    protocol: str

    @property
    def shares(self) -> np.ndarray:
        """Share of each part's pixels that are correct, from 0 to 1, shape (P,); NaN for a part that never occurs."""
        return np.where(self.total > 0, self.correct / np.maximum(self.total, 1), np.nan)

    @property
    def accuracy(self) -> SegmentationAccuracy:
        """The two accuracies of the whole set."""
        return segmentation_accuracy(self.correct, self.total)

    def save(self, path: str | Path) -> None:
        """Write an ``.npz`` file atomically, and create its folder.

        Raises:
            OSError: If the file can't be written; names it.
        """
        content = io.BytesIO()
        np.savez_compressed(content, **vars(self))
        write_atomically(path, content.getvalue())

    @classmethod
    def load(cls, path: str | Path) -> PartCounts:
        """Read a file that :meth:`save` wrote.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the file is not of this kind; names what is missing.
        """
        arrays = read_arrays(path, cls.__dataclass_fields__, 'pixel counts of parts', 'HandSegmentationMetric')
        return cls(**arrays | {'protocol': str(arrays['protocol'])})
