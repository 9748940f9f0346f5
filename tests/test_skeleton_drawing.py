"""Skeleton pictures: joints land where they are, in their fingers' colours, and the views are the views."""

import cv2
import numpy as np
import pytest

from handkd.hand import NUM_JOINTS, finger_joints
from handkd.skeleton_drawing import (
    FINGER_COLORS,
    MARK_COLOR,
    REFERENCE_COLOR,
    VIEWS,
    draw_skeleton,
    draw_skeleton_3d,
)

BLACK = np.zeros((60, 80, 3), np.uint8)
SPREAD = np.array([(40, 56)] + [(8 + 16 * finger, 40 - 10 * joint) for finger in range(5) for joint in range(4)])


def center_of(picture: np.ndarray, color: tuple, tolerance: int = 40) -> np.ndarray:
    """Mean pixel (x, y) of a colour."""
    close = (np.abs(picture.astype(int) - color) <= tolerance).all(-1)
    assert close.any()
    return np.argwhere(close).mean(0)[::-1]


@pytest.mark.parametrize('factor', [1, 4])
def test_a_joint_is_drawn_where_it_is_also_when_the_image_is_enlarged(factor):
    joints = np.full((NUM_JOINTS, 2), np.nan)
    joints[4] = 33.25, 20.5
    picture = draw_skeleton(BLACK, joints, min_size=80 * factor - (factor > 1))
    assert picture.shape == (60 * factor, 80 * factor, 3)
    np.testing.assert_allclose(center_of(picture, FINGER_COLORS['thumb']), (joints[4] + 0.5) * factor - 0.5, atol=0.3)


def test_each_finger_has_its_colour_at_its_tip():
    picture = draw_skeleton(BLACK, SPREAD, min_size=640)
    for finger, color in FINGER_COLORS.items():
        x, y = np.rint((SPREAD[finger_joints(finger)[-1]] + 0.5) * 8 - 0.5).astype(int)
        np.testing.assert_allclose(picture[y, x], color, atol=3)


def test_the_reference_lies_beneath_and_the_image_is_left_alone():
    image = BLACK.copy()
    covered = draw_skeleton(image, SPREAD, reference=SPREAD, min_size=320)
    beside = draw_skeleton(image, SPREAD, reference=SPREAD + (0, 8), min_size=320)
    grey = (np.abs(beside.astype(int) - REFERENCE_COLOR) < 3).all(-1).sum()
    assert grey > 5 * (np.abs(covered.astype(int) - REFERENCE_COLOR) < 3).all(-1).sum()
    assert not image.any()


def test_joints_far_outside_and_not_finite_are_no_trouble():
    joints = SPREAD * 1.0
    joints[3], joints[7] = (1e12, -1e12), (np.inf, 0)
    assert draw_skeleton(BLACK, joints).any()
    assert not draw_skeleton(BLACK, np.full((21, 2), np.nan)).any()


@pytest.mark.parametrize(
    ('view', 'axis', 'moves'),
    [
        ('front', 0, (1, 0)),
        ('front', 1, (0, 1)),
        ('side', 2, (1, 0)),
        ('side', 1, (0, 1)),
        ('top', 0, (1, 0)),
        ('top', 2, (0, -1)),
    ],
)
def test_views_show_the_axes_that_they_say(view, axis, moves):
    """A thumb that points along an axis lies on that side of the rest of the hand."""
    hand = np.zeros((NUM_JOINTS, 3))
    hand[4, axis] = 50.0
    picture = draw_skeleton_3d(hand, view, size=200)
    dot = center_of(picture, FINGER_COLORS['little'])  # all other joints lie on one spot, drawn over each other
    np.testing.assert_array_equal(np.round((center_of(picture, FINGER_COLORS['thumb']) - dot) / 100), moves)


def test_views_are_seen_and_not_mirrored():
    for right, down, away in VIEWS.values():
        axes = np.zeros((3, 3))
        for row, (axis, sign) in enumerate((right, down, away)):
            axes[row, axis] = sign
        assert np.linalg.det(axes) == pytest.approx(1)


def test_the_near_finger_covers_the_far_one():
    hand = np.zeros((NUM_JOINTS, 3))
    hand[list(finger_joints('index')), 0] = hand[list(finger_joints('ring')), 0] = (10, 20, 30, 40)
    for near, far in (('index', 'ring'), ('ring', 'index')):
        hand[list(finger_joints(near)), 2], hand[list(finger_joints(far)), 2] = -5, 5
        picture = draw_skeleton_3d(hand, 'front')
        along = picture[127:129, 200:230].reshape(-1, 3).mean(0)
        np.testing.assert_allclose(along, FINGER_COLORS[near], atol=12)


def test_joints_of_the_reference_without_a_label_are_left_out():
    def grey_from(picture: np.ndarray) -> tuple[bool, bool]:
        """Whether there is grey in the right quarter, and in the lowest one."""
        grey = (np.abs(picture.astype(int) - REFERENCE_COLOR) <= 8).all(-1)
        return bool(grey[:, 192:].any()), bool(grey[192:].any())

    hand, reference = np.zeros((NUM_JOINTS, 3)), np.zeros((NUM_JOINTS, 3))
    hand[4], reference[8] = (-50, -50, 0), (50, 0, 0)
    assert grey_from(draw_skeleton_3d(hand, 'front', reference)) == (True, False)
    reference[8], reference[3] = np.nan, (0, 50, 0)
    assert grey_from(draw_skeleton_3d(hand, 'front', reference)) == (False, True)


def rings_of(picture: np.ndarray) -> np.ndarray:
    """Pixels (x, y) in the colour of rings, which no finger has."""
    return np.argwhere((np.abs(picture.astype(int) - MARK_COLOR) <= 12).all(-1))[:, ::-1]


def test_marked_joints_are_ringed():
    marked = np.isin(np.arange(NUM_JOINTS), (2, 11))
    picture, plain = (draw_skeleton(BLACK, SPREAD, min_size=640, marked=m) for m in (marked, np.zeros(21, bool)))
    np.testing.assert_array_equal(plain, draw_skeleton(BLACK, SPREAD, min_size=640))
    assert not len(rings_of(plain))
    near = np.linalg.norm(rings_of(picture)[:, None] - ((SPREAD + 0.5) * 8 - 0.5), axis=-1)  # of each joint
    assert set(near.argmin(1)) == {2, 11}
    for joint in (2, 11):
        mine = rings_of(picture)[near.argmin(1) == joint]
        np.testing.assert_allclose(mine.mean(0), (SPREAD[joint] + 0.5) * 8 - 0.5, atol=0.5)
        x, y = np.rint((SPREAD[joint] + 0.5) * 8 - 0.5).astype(int)
        np.testing.assert_array_equal(picture[y, x], plain[y, x])  # a ring leaves its joint in sight


def test_marked_joints_are_ringed_in_space_too_and_the_reference_is_not():
    hand = np.zeros((NUM_JOINTS, 3))
    hand[4], hand[20] = (50, 0, 0), (-50, 0, 0)
    marked = np.arange(NUM_JOINTS) == 4
    picture = draw_skeleton_3d(hand, 'front', hand + (0, 30, 0), size=200, marked=marked)
    np.testing.assert_allclose(rings_of(picture).mean(0), (100 + 86, 100 - 0.3 * 86 - 1), atol=2)
    assert not len(rings_of(draw_skeleton_3d(hand, 'front', hand + (0, 30, 0), size=200)))


def test_a_marked_joint_that_is_not_finite_has_no_ring():
    joints = SPREAD * 1.0
    joints[2] = np.nan
    assert not len(rings_of(draw_skeleton(BLACK, joints, marked=np.arange(NUM_JOINTS) == 2)))


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="no view named 'back'"):
        draw_skeleton_3d(np.zeros((21, 3)), 'back')
    with pytest.raises(ValueError, match=r'finite joints of shape \(21, 3\)'):
        draw_skeleton_3d(np.full((21, 3), np.nan))
    with pytest.raises(ValueError, match=r'\(20, 3\)'):
        draw_skeleton_3d(np.zeros((20, 3)))
    assert cv2.imencode('.png', draw_skeleton_3d(np.zeros((21, 3))))[0]  # a collapsed hand is a dot
