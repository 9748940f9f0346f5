"""Hand, time and camera of packed samples, read back from their labels."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np

from handkd.datasets.views import Captures, number_rows
from handkd.hand import SIDES

_NEEDED = ('subject', 'sequence', 'frame', 'view', 'hand_side')


def check_captured(labels: Collection[str], where: str) -> None:
    """Raise a ValueError if the labels lack hand, time or camera of the samples."""
    missing = [key for key in _NEEDED if key not in labels]
    if missing:
        raise ValueError(
            f'{where}: the packed samples have no camera and sequence ({missing[0]!r} is missing among their labels): '
            'pack a set of synchronised cameras (StudioRigDataset, PanopticHandDataset, a hand folder of a rig) with '
            'this version of handkd'
        )


def read_captures(shards: Iterable[np.ndarray]) -> Captures:
    """Return hand, time and camera of packed samples.

    Args:
        shards: Labels of the samples of a data set with ``captures()``, in order: structured arrays of shape (N,), of
            which only identifiers are used (any unit, any frame).

    Returns:
        The same as that data set's ``captures()``, except that sequences and tracks without a sample are not counted.
    """
    columns: dict[str, list] = {key: [] for key in _NEEDED}
    for table in shards:
        for key, parts in columns.items():
            parts.append(np.array(table[key]))  # a copy: a view would keep the whole table in memory
    subject, sequence, frame, view, side = (np.concatenate(columns[key]) for key in _NEEDED)
    subject, frame, view = (column.astype(np.int64) for column in (subject, frame, view))
    names, first, sequence = np.unique(sequence, return_index=True, return_inverse=True)
    order = np.argsort(first)  # the source's order, which need not be alphabetical
    sequence = np.argsort(order)[sequence.reshape(-1)]
    track = number_rows(sequence, subject, side == SIDES[1].encode())
    return Captures(subject, sequence, frame, view, track, tuple(name.decode() for name in names[order]))
