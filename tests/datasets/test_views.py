"""Groups of synchronised samples."""

import numpy as np

from handkd.datasets.views import group_views


def test_samples_of_a_moment_stand_in_a_row_by_view():
    groups = group_views(np.array([7, 7, 3, 9, 7]), np.array([0, 2, 1, 0, 1]), 3)
    assert groups.dtype == np.int64
    assert groups.tolist() == [[-1, 2, -1], [0, 4, 1], [3, -1, -1]]


def test_no_samples_no_groups():
    assert group_views(np.zeros(0, int), np.zeros(0, int), 4).shape == (0, 4)
