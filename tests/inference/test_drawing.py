"""Overlays and frames: joints land where they are, nothing of the input changes, sizes do not depend on the hands."""

import numpy as np
import pytest

from handkd.hand import NUM_JOINTS
from handkd.inference.drawing import SIDE_COLORS, draw_frame, draw_hand_3d, draw_hands, label_text
from handkd.skeleton_drawing import FINGER_COLORS, draw_skeleton_3d

BLACK = np.zeros((240, 320, 3), np.uint8)
SPREAD = np.array(
    [(160.0, 220.0)] + [(80.0 + 40 * finger, 180.0 - 30 * joint) for finger in range(5) for joint in range(4)]
)
DEEP = np.concatenate([SPREAD, np.linspace(0, 60, NUM_JOINTS)[:, None]], 1)


def result(**changes):
    return {'keypoints': SPREAD, 'keypoints_3d': DEEP, 'box': (70, 80, 180, 150), 'side': 'right'} | changes


def has(picture, color, x, y, reach=1):
    patch = picture[y - reach : y + reach + 1, x - reach : x + reach + 1].astype(int)
    return (np.abs(patch - color) < 30).all(-1).any()


def test_joints_box_and_label_are_where_they_belong():
    before = BLACK.copy()
    drawn = draw_hands(BLACK, [result()])
    np.testing.assert_array_equal(BLACK, before)
    assert drawn.shape == BLACK.shape and drawn.dtype == np.uint8
    for finger, color in enumerate(FINGER_COLORS.values()):
        assert has(drawn, color, 80 + 40 * finger, 90)
    assert has(drawn, SIDE_COLORS['right'], 70, 150) and has(drawn, SIDE_COLORS['right'], 249, 150)
    assert (drawn[:79] != draw_hands(BLACK, [result()], labels=False)[:79]).any()
    bare = draw_hands(BLACK, [result()], boxes=False, labels=False)
    assert not has(bare, SIDE_COLORS['right'], 70, 150) and has(bare, FINGER_COLORS['thumb'], 80, 90)


def test_unknown_joints_and_hands_outside_are_left_out():
    unknown = np.where(np.arange(NUM_JOINTS)[:, None] == 8, np.nan, SPREAD)
    assert not has(draw_hands(BLACK, [result(keypoints=unknown)]), FINGER_COLORS['index'], 120, 90)
    for keypoints in (np.full((21, 2), np.nan), SPREAD + 1e9, SPREAD - 1e9):
        drawn = draw_hands(BLACK, [{'keypoints': keypoints}], labels=False)
        np.testing.assert_array_equal(drawn, BLACK)
    draw_hands(BLACK, [result(keypoints=np.full((21, 2), np.nan), box=(np.nan, 0, 1, 1))])
    np.testing.assert_array_equal(draw_hands(BLACK[::-1], []), BLACK)


def test_other_sets_of_joints_are_dots():
    hand = result(keypoints=SPREAD[:14], keypoints_3d=DEEP[:14], side='left')
    frame = draw_frame(BLACK, [hand])
    assert all(has(frame, SIDE_COLORS['left'], int(x), int(y)) for x, y in SPREAD[:14])
    np.testing.assert_array_equal(frame[:, 320:], draw_frame(BLACK, [])[:, 320:])


@pytest.mark.parametrize(
    ('hand', 'text'),
    [
        ({}, 'hand'),
        ({'side': None, 'side_score': None, 'track': 0}, 'hand #0'),
        ({'side': 'left', 'side_score': 0.875}, 'left 0.88'),
        ({'side': 'right', 'side_score': None, 'track': 12}, 'right #12'),
    ],
)
def test_labels(hand, text):
    assert label_text(hand) == text


def test_a_hand_in_3d_is_that_of_the_reports():
    drawn, fine = draw_hand_3d(DEEP, 200, 'side'), draw_skeleton_3d(DEEP, 'side', size=200)
    assert drawn.shape == (200, 200, 3)
    assert np.abs(drawn.astype(int) - fine).mean() < 4
    with pytest.raises(ValueError, match="no view named 'back'"):
        draw_hand_3d(DEEP, 200, 'back')


def test_all_frames_of_a_video_have_one_size_and_a_hand_keeps_its_column():
    empty, one, other, both = (
        draw_frame(BLACK, hands)
        for hands in ([], [result()], [result(side='left')], [result(), result(side='left'), result(side=None)])
    )
    assert {frame.shape for frame in (empty, one, other, both)} == {(240, 320 + 2 * 120, 3)}
    np.testing.assert_array_equal(one[:, :320], draw_hands(BLACK, [result()]))
    np.testing.assert_array_equal(one[:, 320:440], empty[:, 320:440])
    np.testing.assert_array_equal(other[:, 440:], empty[:, 440:])
    np.testing.assert_array_equal(both[:, 320:440], other[:, 320:440])
    np.testing.assert_array_equal(both[:, 440:], one[:, 440:])
    flat = draw_frame(BLACK, [result(keypoints_3d=None), result(keypoints_3d=DEEP * np.nan)])
    np.testing.assert_array_equal(flat[:, 320:], empty[:, 320:])
