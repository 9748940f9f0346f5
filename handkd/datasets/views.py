"""Synchronised cameras: samples that show the same hand at the same time, and the origin of samples."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Captures(NamedTuple):
    """Origin of the N samples of a multi-view data set; all but ``names`` are integers of shape (N,).

    Attributes:
        subject: Number of the person.
        sequence: Index of the sequence in ``names``.
        frame: Time within the sequence.
        view: Number of the camera.
        track: Number of the hand in its sequence: the same for one hand at all times, in all cameras.
        names: Names of the sequences, which with ``view`` identify the position of a camera.
    """

    subject: np.ndarray
    sequence: np.ndarray
    frame: np.ndarray
    view: np.ndarray
    track: np.ndarray
    names: tuple[str, ...]


def group_views(moments: np.ndarray, views: np.ndarray, num_views: int) -> np.ndarray:
    """Return the samples of each moment, one column per view.

    Args:
        moments: Moment of each sample, shape (N,), integers, any unit: equal for the same hand at the same time.
        views: Camera of each sample, shape (N,), from 0 to ``num_views`` - 1; no two samples agree in both.
        num_views: Number of columns.

    Returns:
        Shape (G, num_views), int64, in the order of the moments; -1 for a view that is not in the set.
    """
    present, groups = np.unique(moments, return_inverse=True)
    table = np.full((len(present), num_views), -1, np.int64)
    table[groups, views] = np.arange(len(moments))
    return table


def group_captures(captures: Captures) -> np.ndarray:
    """Return which samples show the same hand at the same time.

    Returns:
        Indices of samples, shape (G, V), int64, one column per camera with samples; rows in the order of their first
        samples; -1 if there is no sample.
    """
    _, first, moments = np.unique(
        np.stack([captures.track, captures.frame], 1), axis=0, return_index=True, return_inverse=True
    )
    views, columns = np.unique(captures.view, return_inverse=True)
    return group_views(first[moments.reshape(-1)], columns.reshape(-1), len(views))


def number_rows(*columns: np.ndarray) -> np.ndarray:
    """Number the distinct rows of a table in their sorted order.

    Args:
        *columns: Integers of shape (N,).

    Returns:
        Shape (N,), int64: the same number where all columns agree, from 0 on.
    """
    return np.unique(np.stack(columns, 1), axis=0, return_inverse=True)[1].reshape(-1)
