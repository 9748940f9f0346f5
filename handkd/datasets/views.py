"""Synchronised cameras: which samples show the same hand at the same time."""

from __future__ import annotations

import numpy as np


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
