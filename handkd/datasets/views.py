"""Synchronised cameras: which samples show the same hand at the same time, and where samples come from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Captures(NamedTuple):
    """Where the N samples of a multi-view data set come from; all but ``names`` are integers of shape (N,).

    Attributes:
        subject: Whose hand it is.
        sequence: Number of the sequence in ``names``.
        frame: Time within the sequence.
        view: Number of the camera.
        track: Which hand of which sequence it is: the same number for one hand at all its times, in all cameras.
        names: Names of the sequences, which with ``view`` tell the place of a camera.
    """

    subject: np.ndarray
    sequence: np.ndarray
    frame: np.ndarray
    view: np.ndarray
    track: np.ndarray
    names: tuple[str, ...]


def group_views(moments: np.ndarray, views: np.ndarray, num_views: int) -> np.ndarray:
    """Return the samples of each moment, a column a view.

    Args:
        moments: What each sample shows, shape (N,), integers: the same number for the same hand at the same time.
        views: Which view each sample is, shape (N,), from 0 to ``num_views`` - 1; no two samples agree in both.
        num_views: Number of columns.

    Returns:
        Shape (G, num_views), int64, in the order of the moments; -1 where a view is not in the set.
    """
    present, groups = np.unique(moments, return_inverse=True)
    table = np.full((len(present), num_views), -1, np.int64)
    table[groups, views] = np.arange(len(moments))
    return table


def number_rows(*columns: np.ndarray) -> np.ndarray:
    """Number the distinct rows of a table in their sorted order.

    Args:
        *columns: Integers of shape (N,).

    Returns:
        Shape (N,), int64: the same number where all columns agree, from 0 on.
    """
    return np.unique(np.stack(columns, 1), axis=0, return_inverse=True)[1].reshape(-1)
