"""Clouds of points: each where it belongs, in its own colour, near ones in front."""

import numpy as np
import pytest

from handkd.visualization import draw_points, point_colors


def center_of(picture, color, tolerance=30):
    close = (np.abs(picture.astype(int) - color.astype(int)) <= tolerance).all(-1)
    assert close.any()
    return np.argwhere(close).mean(0)[::-1]


def test_points_lie_where_the_camera_sees_them():
    """The x axis runs to the right, y down, and the origin is in the middle; what is near has its full colour."""
    points = np.array([(0.0, 0.0, -200.0), (60.0, 0.0, -200.0), (0.0, 60.0, -200.0), (-60.0, -60.0, -200.0)])
    picture, colors = draw_points(points, 200), point_colors(4)
    assert picture.shape == (200, 200, 3)
    middle, right, down, corner = (center_of(picture, color) for color in colors)
    np.testing.assert_allclose(middle, (99.5, 99.5), atol=1)
    step = right[0] - middle[0]
    np.testing.assert_allclose(right, (99.5 + step, 99.5), atol=1)
    np.testing.assert_allclose(down, (99.5, 99.5 + step), atol=1)
    np.testing.assert_allclose(corner, (99.5 - step, 99.5 - step), atol=1)
    assert step == pytest.approx(60 / np.hypot(200, 60 * 2**0.5) * 97, abs=1)  # it would fit in turned any way


def test_the_scale_may_be_given_and_outliers_do_no_harm():
    points = np.array([(0.0, 0.0, -1.0), (1.0, 0.0, 0.0)])
    far, near = (center_of(draw_points(points, 200, reach), point_colors(2)[1], 120)[0] for reach in (2.0, 1.0))
    assert near - 99.5 == pytest.approx(2 * (far - 99.5), abs=2)
    draw_points(points * 1e6, 50, 1e-3)


def test_near_points_hide_far_ones_which_are_pale():
    points = np.array([(0.0, 0.0, 1.0), (0.0, 0.0, -1.0)])
    colors = point_colors(2).astype(int)
    np.testing.assert_allclose(draw_points(points, 100)[50, 50], colors[1], atol=3)
    np.testing.assert_allclose(draw_points(points[::-1], 100)[50, 50], colors[0], atol=3)
    alone = draw_points(np.array([(0.0, 0.0, 1.0)]), 100)[50, 50].astype(int)
    np.testing.assert_allclose(alone, 0.35 * point_colors(1)[0] + 0.65 * 255, atol=3)


def test_each_point_has_a_colour_of_its_own():
    assert len(np.unique(point_colors(90), axis=0)) == 90


@pytest.mark.parametrize('points', [np.zeros((0, 3)), np.zeros((4, 2)), np.full((2, 3), np.nan)])
def test_what_is_no_cloud_is_refused(points):
    with pytest.raises(ValueError, match=r'expected finite points of shape \(N, 3\)'):
        draw_points(points)
