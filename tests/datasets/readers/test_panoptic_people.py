"""Whose hands they are: groups of trackers' numbers, and who is seen twice."""

import numpy as np

from handkd.datasets.readers.panoptic_people import People


def test_people_are_numbered_by_their_groups():
    people = People([[('b', 4), ('a', 0)], [('a', 7)]])
    sequence, person = np.array([0, 0, 1, 1, 0, 0]), np.array([0, 2, 4, 0, 7, 0])
    assert people.number(['a', 'b'], sequence, person).tolist() == [0, 2, 0, 3, 1, 0]
    assert People([]).number(['a', 'b'], sequence, person).tolist() == [0, 1, 4, 3, 2, 0]


def test_the_first_number_of_a_group_is_preferred():
    people = People([[('a', 4), ('a', 0)]])
    frame, person, side = np.array([1, 1, 1, 2, 2]), np.array([0, 4, 9, 0, 4]), np.array([1, 1, 1, 0, 1])
    assert people.find_doubles('a', frame, person, side).tolist() == [True, False, False, False, False]
    assert not people.find_doubles('b', frame, person, side).any()
    assert not people.find_doubles('a', *np.empty((3, 0), int)).any()
