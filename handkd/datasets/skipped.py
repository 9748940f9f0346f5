"""Record of the samples that could not be read, shared by all processes of a data loader."""

from __future__ import annotations

import torch
from mmengine.logging import MMLogger


class SkippedSamples:
    """Marks in shared memory, one byte per sample: the main process sees the unreadable samples of all workers.

    Args:
        size: Number of samples.
    """

    def __init__(self, size: int) -> None:
        self._marks = torch.zeros(size, dtype=torch.uint8).share_memory_()

    def add(self, index: int, error: OSError | ValueError) -> None:
        """Mark a sample, and log the error the first time."""
        if not self._marks[index]:
            self._marks[index] = 1
            MMLogger.get_current_instance().warning(f'sample {index} is left out: {error}')

    def indices(self) -> list[int]:
        """Return the marked samples."""
        return self._marks.nonzero()[:, 0].tolist()
