"""Checks of label files."""

import numpy as np
import pytest

from handkd.datasets.label_checks import check_finite, compare_images


def test_the_first_bad_label_is_named():
    values = np.zeros((3, 2, 4))
    check_finite(values, ('a', 'b'), (7, 8, 9), 'labels.txt')
    values[1, 1, 2], values[2, 0, 0] = np.nan, np.inf
    with pytest.raises(ValueError, match=r"'labels.txt': frame 8, joint 'b' is \[0.0, 0.0, nan, 0.0\].*2 of 3 frames"):
        check_finite(values, ('a', 'b'), (7, 8, 9), 'labels.txt')


def test_both_numbers_and_the_first_names_are_said(tmp_path):
    for name in ('a_1.png', 'a_2.png', 'b_1.png', 'a_1.txt', '0003.png', 'a_seg_1.png', '._a_1.png', 'a_.png'):
        (tmp_path / name).touch()
    assert compare_images(tmp_path, (1, 2), 'labels.txt', 'a_{}.png') is None
    assert compare_images(tmp_path, (1,), 'labels.txt', 'a_{}.txt') is None
    assert compare_images(tmp_path, (3,), 'labels.txt', '{:04d}.png') is None
    said = compare_images(tmp_path, range(1, 9), 'labels.txt', 'a_{}.png')
    assert "has 2 images a_*.png, but 'labels.txt' has labels for 8: 6 missing (a_3.png, a_4.png," in said
    said = compare_images(tmp_path, (2,), 'labels.txt', 'b_{}.png')
    assert said.endswith('1 missing (b_2.png); 1 without a label (b_1.png)')
