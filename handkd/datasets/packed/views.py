"""Which hand, time and camera packed samples are from, read back from their labels."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np

from handkd.datasets.views import Captures, group_views, number_rows
from handkd.hand import SIDES

_NEEDED = ('subject', 'sequence', 'frame', 'view', 'hand_side')


def check_captured(labels: Collection[str], where: str) -> None:
    """Raise a ValueError if labels do not say where samples come from."""
    missing = [key for key in _NEEDED if key not in labels]
    if missing:
        raise ValueError(
            f'{where}: the packed samples do not say which camera and sequence they are from (no {missing[0]!r} among '
            'their labels); pack a StudioRoomDataset or PanopticHandDataset, and with this handkd'
        )


def read_captures(shards: Iterable[np.ndarray]) -> Captures:
    """Return where samples come from.

    Args:
        shards: Structured arrays (N,) with the labels of a data set that has ``captures()``, in order.

    Returns:
        What that data set's ``captures()`` says of them, but for sequences and tracks without a sample, which are not
        counted.
    """
    columns: dict[str, list] = {key: [] for key in _NEEDED}
    for table in shards:
        for key, parts in columns.items():
            parts.append(np.array(table[key]))  # no view, which would keep the whole table in memory
    subject, sequence, frame, view, side = (np.concatenate(columns[key]) for key in _NEEDED)
    subject, frame, view = (column.astype(np.int64) for column in (subject, frame, view))
    names, first, sequence = np.unique(sequence, return_index=True, return_inverse=True)
    order = np.argsort(first)  # the source's, which need not be that of the alphabet
    sequence = np.argsort(order)[sequence.reshape(-1)]
    track = number_rows(sequence, subject, side == SIDES[1].encode())
    return Captures(subject, sequence, frame, view, track, tuple(name.decode() for name in names[order]))


def group_captures(captures: Captures) -> np.ndarray:
    """Return which samples show the same hand at the same time.

    Returns:
        Shape (G, V), int64, a column a camera, of those that have samples; rows in the order of their first samples; -1
        where there is no sample.
    """
    _, first, moments = np.unique(
        np.stack([captures.track, captures.frame], 1), axis=0, return_index=True, return_inverse=True
    )
    views, columns = np.unique(captures.view, return_inverse=True)
    return group_views(first[moments.reshape(-1)], columns.reshape(-1), len(views))
