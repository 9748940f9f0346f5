"""Rotations against OpenCV and closed forms."""

import cv2
import numpy as np
import pytest

from handkd.geometry import axis_angle_to_matrix, rotation_2d


@pytest.mark.parametrize('length', [0.0, 1e-12, 1e-4, 1.0, 3.14159, 7.0])
def test_axis_angle_is_opencvs_rodrigues(length):
    axes = np.random.default_rng(1).normal(size=(3, 5, 3))
    vectors = length * axes / np.linalg.norm(axes, axis=-1, keepdims=True)
    matrices = axis_angle_to_matrix(vectors)
    for index in np.ndindex(3, 5):
        np.testing.assert_allclose(matrices[index], cv2.Rodrigues(vectors[index])[0], atol=1e-12)


def test_axis_angle_refuses_other_shapes():
    with pytest.raises(ValueError, match=r'\(\.\.\., 3\), found \(4,\)'):
        axis_angle_to_matrix(np.zeros(4))


def test_a_positive_angle_turns_right_to_down():
    np.testing.assert_allclose(rotation_2d(90) @ [1, 0], [0, 1], atol=1e-15)
    np.testing.assert_allclose(rotation_2d(30), axis_angle_to_matrix([0, 0, np.pi / 6])[:2, :2], atol=1e-15)
