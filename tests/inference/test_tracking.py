"""Tracks of synthetic hands, whose boxes, identities and ends are known in closed form."""

import numpy as np
import pytest

from handkd.inference.tracking import HandTracker, TrackingRule, tight_box

IMAGE = np.zeros((480, 640, 3), np.uint8)
OPEN = np.stack([np.linspace(-1, 1, 21), np.cos(np.arange(21) * 1.9)], 1) / 2  # 1 wide, about 1 high
OPEN[:, 1] *= 0.8 / np.ptp(OPEN[:, 1])
OPEN[:, 1] -= (OPEN[:, 1].max() + OPEN[:, 1].min()) / 2


def hand(x, y, size=100.0):
    return OPEN * size + (x, y)


def box_of(joints):
    low, high = joints.min(0), joints.max(0)
    return [*low, *(high - low)]


class Scene:
    """Plays detector and network: each box gets the joints of the hand whose centre is nearest to its own."""

    def __init__(self, **rule):
        self.hands, self.sides, self.detections = [], None, 0
        self.tracker = HandTracker(self.detect, TrackingRule(**rule))

    def detect(self, image):
        self.detections += 1
        seen = [joints for joints in self.hands if joints is not None]
        return np.array([box_of(joints) for joints in seen]), np.full(len(seen), 0.9), self.sides

    def step(self, hands, scores=None, sides=None):
        """One frame: the boxes asked, the joints of each, and the results."""
        self.hands = hands
        boxes = self.tracker.find(IMAGE)
        joints = np.array([self.nearest(box) for box in boxes]).reshape(-1, 21, 2)
        return boxes, joints, self.tracker.update(joints, scores, sides)

    def nearest(self, box):
        x, y, width, height = box.box
        centres = [np.mean(np.split(tight_box(joints), 2), 0) for joints in self.hands]
        return self.hands[np.argmin([np.hypot(*(centre - (x + width / 2, y + height / 2))) for centre in centres])]


def test_the_box_is_that_of_the_last_joints_grown_squared_and_moved():
    scene = Scene(grow=0.2)
    boxes, _, _ = scene.step([hand(200, 200)])
    np.testing.assert_allclose(boxes[0].box, (150, 160, 100, 80))
    assert (boxes[0].source, boxes[0].score, boxes[0].track) == ('detector', 0.9, 0)
    boxes, _, _ = scene.step([hand(210, 200)])
    np.testing.assert_allclose(boxes[0].box, (140, 140, 120, 120))  # no motion known yet
    assert (boxes[0].source, boxes[0].score) == ('track', None)
    boxes, _, _ = scene.step([hand(220, 195)])
    np.testing.assert_allclose(boxes[0].box, (220 - 60, 200 - 60, 120, 120))
    boxes, _, _ = scene.step([hand(230, 190)])
    np.testing.assert_allclose(boxes[0].box, (230 - 60, 190 - 60, 120, 120))


def test_the_detector_runs_only_when_it_must():
    scene = Scene(every=10)
    for i in range(20):
        scene.step([hand(200 + i, 200)])
    assert scene.detections == 2
    scene = Scene()
    for _ in range(5):
        assert scene.step([]) == ([], pytest.approx(np.zeros((0, 21, 2))), [])
    assert scene.detections == 5


def test_new_hands_get_new_numbers_and_known_ones_keep_theirs():
    scene = Scene(every=4)
    for i in range(12):
        hands = [hand(100 + 3 * i, 100)] + ([hand(400, 300)] if i > 1 else [])
        boxes, joints, results = scene.step(hands)
        assert [box.track for box in boxes] == [result.track for result in results] == ([0] if i < 4 else [0, 1])
        np.testing.assert_array_equal(joints[0], hands[0])


@pytest.mark.parametrize('every', [1, 7, 100])
@pytest.mark.parametrize('height', [0.0, 6.0])
def test_hands_that_cross_keep_their_identity(every, height):
    scene = Scene(every=every)
    for i in range(50):
        left, right = hand(105 + 8 * i, 200 - height), hand(495 - 8 * i, 200 + height, 90)
        scene.sides = ['left', 'right']
        boxes, joints, results = scene.step([left, right])
        assert [result.track for result in results] == [0, 1]
        assert [result.side for result in results] == ['left', 'right']
        np.testing.assert_array_equal(joints, [left, right])


@pytest.mark.parametrize(
    ('later', 'scores'),
    [
        (hand(215, 200), np.full((1, 21), 0.2)),  # the scores collapse
        (hand(215, 200), np.full((1, 21), np.nan)),
        (hand(215, 200, 30), None),  # the hand shrinks
        (hand(215, 200, 300), None),
        (hand(285, 200), None),  # it jumps
        (hand(215, 200) * np.nan, None),
    ],
)
def test_a_hand_is_lost_and_found_again_under_its_number(later, scores):
    scene = Scene(every=100)
    for x in (200, 205, 210):
        scene.step([hand(x, 200)])
    scene.nearest = lambda box: later
    _, _, results = scene.step([hand(215, 200)], scores)
    assert results == [None]
    del scene.nearest
    boxes, _, results = scene.step([hand(220, 200)])
    assert scene.detections == 2 and boxes[0].source == 'detector'
    assert results[0].track == 0


def test_a_hand_that_leaves_the_image_is_lost():
    scene = Scene(every=100, min_inside=0.3)
    numbers = []
    for i in range(30):
        results = scene.step([hand(500 + 10 * i, 200)])[2] if scene.tracker._tracks or not i else [None]
        numbers.append(results[0] is not None)
    # the box is 100 px wide: 30 % of it are inside while the centre is left of 640 + 20
    assert numbers == [500 + 10 * i <= 660 for i in range(30)]


def test_a_lost_hand_is_forgotten_after_its_memory():
    for gone, number in ((3, 0), (8, 1)):
        scene = Scene(memory=5)
        scene.step([hand(200, 200)])
        scene.nearest = lambda box: hand(200, 200) * np.nan
        scene.step([hand(200, 200)])
        for _ in range(gone):
            scene.step([])
        del scene.nearest
        assert scene.step([hand(205, 200)])[2][0].track == number


def test_a_track_that_two_detections_miss_ends():
    scene = Scene(every=5)
    scene.step([hand(200, 200), hand(400, 200)])
    kept = []
    scene.nearest = lambda box: hand(200, 200) if box.track == 0 else hand(400, 200)  # the network sees what it wants
    for _ in range(11):
        kept.append(len(scene.step([hand(200, 200)])[2]))
    assert kept == 9 * [2] + 2 * [1]


def test_two_tracks_on_one_hand_become_one():
    scene = Scene(every=100)
    for _ in range(4):
        scene.step([hand(200, 200), hand(300, 200)])
    scene.nearest = lambda box: hand(250, 200)
    numbers = [[result and result.track for result in scene.step([hand(250, 200)])[2]] for _ in range(4)]
    assert numbers == [[0, 1], [0, 1], [0, None], [0]]


def test_a_second_detection_of_a_tracked_hand_is_dropped_at_once():
    scene = Scene(every=3)
    scene.step([hand(200, 200)])
    twice = [box_of(hand(200, 200)), box_of(hand(240, 200))]
    scene.tracker._detector = lambda image: (np.array(twice), np.array([0.9, 0.5]), None)
    for _ in range(8):
        assert [result.track for result in scene.step([hand(200, 200)])[2] if result] == [0]


def test_the_side_is_that_of_the_most_evidence_and_does_not_flicker():
    scene = Scene(every=100, flip=3.0)
    shown = []
    evidence = [('left', 0.9), ('right', 0.6), None, ('right', 0.9), ('left', 0.2), *[('right', 1.0)] * 4]
    for votes in evidence:
        (result,) = scene.step([hand(200, 200)], sides=[votes])[2]
        shown.append((result.side, round(result.side_score, 6)))
    # left 0.9, then right: 0.6, 1.5, (left 1.1), 2.5, 3.5, 4.5: it leads by 3 only then
    assert [side for side, _ in shown] == 7 * ['left'] + 2 * ['right']
    assert shown[1][1] == pytest.approx(0.9 / 1.5) and shown[-1][1] == pytest.approx(5.5 / 6.6)
    (result,) = Scene().step([hand(200, 200)])[2]
    assert (result.side, result.side_score) == (None, None)


def test_poses_do_not_overrule_a_detector_that_gives_sides():
    scene = Scene(every=2)
    scene.sides = ['left']
    shown = [scene.step([hand(200, 200)], sides=[('right', 1.0)])[2][0] for _ in range(12)]
    assert {(result.side, result.side_score) for result in shown} == {('left', 1.0)}


def test_without_a_detector_the_whole_image_is_the_first_box():
    tracker = HandTracker(None)
    (box,) = tracker.find(IMAGE)
    assert box.box == (0, 0, 640, 480)
    (result,) = tracker.update(hand(300, 200)[None])
    assert result.box == box.box
    np.testing.assert_allclose(tracker.find(IMAGE)[0].box, (245, 145, 110, 110))


def test_other_sets_of_joints_are_followed():
    tracker = HandTracker(None)
    tracker.find(IMAGE)
    assert tracker.update(hand(300, 200)[None, :14])[0].track == 0
    assert tracker.find(IMAGE)[0].source == 'track'


def test_results_must_match_the_boxes():
    tracker = HandTracker(None)
    tracker.find(IMAGE)
    with pytest.raises(ValueError, match='expected one result for each of 1 boxes, found 2'):
        tracker.update(np.stack([hand(1, 1)] * 2))


@pytest.mark.parametrize(
    ('rule', 'said'), [({'every': 0}, 'every must be'), ({'grow': -1}, 'grow must'), ({'flip': np.nan}, 'flip')]
)
def test_senseless_rules_are_refused(rule, said):
    with pytest.raises(ValueError, match=f'tracking: {said}'):
        TrackingRule(**rule)
