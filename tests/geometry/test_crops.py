"""The crop rules on numbers worked out by hand, and the maps' fixed points."""

import numpy as np
import pytest

from handkd.geometry import (
    box_square,
    crop_matrix,
    cube_square,
    flip_matrix,
    joint_square,
    original_pixels,
    project,
    resize_matrix,
    zb_square,
)

ALL = np.ones(21, bool)


def joints(low, high, middle_mcp):
    """Return 21 joints that span a box, with the crop's centre where it is wanted."""
    points = np.tile(np.float64(middle_mcp), (21, 1))
    points[0], points[20] = low, high
    return points


def apply(matrix, point):
    return (matrix @ [*point, 1.0])[:2]


def test_box_square():
    center, side = box_square([10, 20, 50, 40], 1.25)
    np.testing.assert_allclose(center, [30, 30])
    assert side == pytest.approx(50)


@pytest.mark.parametrize('box', [(5, 5, 5, 5), (50, 0, 10, 10), (np.nan, 0, 1, 1), (0, 0, np.inf, 1)])
def test_box_square_refuses_empty_boxes(box):
    with pytest.raises(ValueError, match='x1 < x2'):
        box_square(box, 1.25)


def test_joint_square_ignores_joints_without_a_label():
    points = joints((10, 20), (50, 40), (30, 30))
    points[7] = np.nan
    center, side = joint_square(points, ALL & (np.arange(21) != 7), 1.5)
    np.testing.assert_allclose(center, [30, 30])
    assert side == pytest.approx(60)
    with pytest.raises(ValueError, match='two that are labelled, found 1'):
        joint_square(points, np.arange(21) == 3, 1.5)


def test_cube_square_by_hand():
    # sqrt(400 * 900) = 600 px at 1 mm for each mm: 300 mm are 300 px at 600 mm, and 150 px at twice as far.
    intrinsics = np.array([[400.0, 0, 1], [0, 900, 2], [0, 0, 1]])
    center, side = cube_square([[10, 20], [30, 40]], [600, 1200], intrinsics, 300)
    np.testing.assert_array_equal(center, [[10, 20], [30, 40]])
    np.testing.assert_allclose(side, [300, 150])
    center, side = cube_square([10, 20], 600, intrinsics, 100)
    np.testing.assert_array_equal(center, [10, 20])
    assert side == pytest.approx(100)
    _, side = cube_square([[10, 20], [30, 40]], [600, 600], np.stack([intrinsics, np.diag([300.0, 300, 1])]), 300)
    np.testing.assert_allclose(side, [300, 150])


def test_cube_square_holds_what_the_cube_spans_in_the_plane_of_its_centre():
    camera = dict(K=np.array([[588.0, 0, 320], [0, 588, 240], [0, 0, 1]]))
    middle = np.array([40.0, -60, 700])
    corners = project(middle + np.array([[-150.0, -150, 0], [150, 150, 0]]), camera)
    center, side = cube_square(project(middle, camera), middle[2], camera['K'], 300)
    np.testing.assert_allclose([center - side / 2, center + side / 2], corners)


@pytest.mark.parametrize(
    ('center', 'depth', 'found'), [([5, 6], 0, r'\(5.0, 6.0\) at 0'), ([5, 6], np.nan, 'nan'), ([np.inf, 6], 1, 'inf')]
)
def test_cube_square_needs_a_centre_before_the_camera(center, depth, found):
    with pytest.raises(ValueError, match=f'in front of the camera, found pixel .*{found}'):
        cube_square([[1, 2], center], [500, depth], np.eye(3), 300)


@pytest.mark.parametrize(
    ('low', 'high', 'center', 'side'),
    [
        ((100, 100), (180, 150), (120, 120), 120),  # farthest: 180 - 120 = 60
        ((100, 100), (110, 150), (120, 120), 60),  # farthest: 150 - 120
        ((118, 118), (122, 121), (120, 120), 50),  # small hands: at least 50
        ((20, 20), (310, 300), (100, 100), 256),  # 2 * 210, but never shrunk: at most 256
        ((-90, 100), (130, 130), (60, 120), 140),  # the image's edge, not the joint, at -90: 2 * (130 - 60)
        ((250, 100), (400, 130), (280, 120), 80),  # clipped to the width of 320
    ],
)
def test_zb_square(low, high, center, side):
    found = zb_square(joints(low, high, center), ALL, (320, 320))
    np.testing.assert_allclose(found[0], center)
    assert found[1] == pytest.approx(side)


def test_zb_square_counts_visible_joints_only():
    points = joints((100, 100), (200, 150), (120, 120))
    assert zb_square(points, ALL & (np.arange(21) != 20), (320, 320))[1] == pytest.approx(50)
    assert zb_square(points, ~ALL, (320, 320))[1] == pytest.approx(200)
    points[9] = np.nan
    with pytest.raises(ValueError, match='middle_mcp'):
        zb_square(points, ALL, (320, 320))


def test_a_crop_of_the_whole_image_is_a_resize():
    np.testing.assert_allclose(crop_matrix(np.array([31.5, 31.5]), 64, 17), resize_matrix((64, 64), (17, 17)))


def test_resize_keeps_edges():
    matrix = resize_matrix((31, 20), (64, 7))
    np.testing.assert_allclose(apply(matrix, (-0.5, -0.5)), (-0.5, -0.5))
    np.testing.assert_allclose(apply(matrix, (30.5, 19.5)), (63.5, 6.5))


def test_flip_is_an_involution_about_the_centre():
    matrix = flip_matrix((31, 20), True, True)
    np.testing.assert_allclose(apply(matrix, (0, 3)), (30, 16))
    np.testing.assert_allclose(matrix @ matrix, np.eye(3))
    np.testing.assert_array_equal(flip_matrix((31, 20), False, False), np.eye(3))


@pytest.mark.parametrize('flip', [(False, False), (True, False), (False, True), (True, True)])
def test_crop_matrix(flip):
    """A point a quarter of the side right of the centre, turned by 90 degrees, lies a quarter below the new one."""
    matrix = crop_matrix(np.array([10.0, 20.0]), 40, 64, rotation=90, flip=flip)
    np.testing.assert_allclose(apply(matrix, (10, 20)), (31.5, 31.5))
    np.testing.assert_allclose(apply(matrix, (20, 20)), (31.5, 31.5 - 16 if flip[1] else 31.5 + 16), atol=1e-12)
    np.testing.assert_allclose(apply(matrix, (10, 10)), (31.5 - 16 if flip[0] else 31.5 + 16, 31.5), atol=1e-12)


def test_original_pixels_undo_the_crop():
    # 40 px of the original, from (100, 60) on, became 128 px; then the picture was turned by 90 degrees.
    crop = np.array([[3.2, 0, -320.0], [0, 3.2, -192.0], [0, 0, 1]])
    turn = np.array([[0, -1.0, 127.0], [1, 0, 0], [0, 0, 1]])
    np.testing.assert_allclose(original_pixels([[[127.0, 0.0], [63.0, 32.0]]], turn @ crop), [[[100, 60], [110, 80]]])
    errors = np.linalg.norm(np.diff(original_pixels([[0.0, 0.0], [32.0, 0.0]], crop), axis=0))
    assert errors == pytest.approx(10)
