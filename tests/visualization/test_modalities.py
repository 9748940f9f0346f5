"""Pictures of depth and activation: what is near, where it is, what is left out."""

import numpy as np
import pytest

from handkd.visualization import activation_map, activation_picture, depth_picture


@pytest.mark.parametrize(('near', 'far', 'empty'), [(500, 700, 0), (-0.5, 0.6, 1)], ids=['mm', 'network range'])
def test_near_is_bright_and_no_reading_is_black(near, far, empty):
    depth = np.full((20, 20), far, np.float32)
    depth[:, :10], depth[:4] = near, empty
    picture = depth_picture(depth)
    assert (picture[:4] == 0).all()
    assert picture[10, 2, 0] == 255 > picture[10, 15, 0] > 40


def test_a_span_tells_depth_apart_within_it():
    depth = np.float32([[0, 100, 450, 500, 550, 3000]])
    (row,) = depth_picture(depth, (400, 600))[..., 0]
    assert row[0] == 0 and row[1] == 255 and row[5] == 65
    assert 255 > row[2] > row[3] + 40 > row[4] + 80 > 65


@pytest.mark.parametrize('value', [0.0, 1.0, np.nan])
def test_an_empty_depth_map_is_black(value):
    assert not depth_picture(np.full((5, 5), value)).any()


def test_activation_is_the_maximum_over_channels():
    features = np.zeros((3, 4, 5))
    features[1, 2, 3], features[0, 0, 0], features[2, 1, 1] = 4.0, 1.0, -8.0
    expected = np.zeros((4, 5))
    expected[2, 3], expected[0, 0] = 1.0, 0.25
    np.testing.assert_allclose(activation_map(features), expected)
    assert not activation_map(np.full((3, 4, 5), 7.0)).any()
    with pytest.raises(ValueError, match=r'\(C, H, W\), found \(4, 5\)'):
        activation_map(features[0])


def test_the_overlay_is_red_where_the_map_is_high():
    activation = np.zeros((8, 8))
    activation[6, 1] = 1.0
    picture = activation_picture(np.full((64, 64, 3), 100, np.uint8), activation).astype(int)
    red = picture[..., 2] - picture[..., 0]
    y, x = np.unravel_index(red.argmax(), red.shape)
    assert abs(y - 52) <= 4 and abs(x - 12) <= 4
    np.testing.assert_array_equal(activation_picture(np.full((8, 8, 3), 9, np.uint8), activation, opacity=0.0), 9)
