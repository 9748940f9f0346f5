"""The quality check against sums by hand, and that nothing can please it by being empty."""

import numpy as np
import pytest

from handkd.restoration import QUALITY_PARTS, RejectionStatistics, barycentres, judge

from .conftest import draw_maps


def slow_measure(label_map, joints, parts):
    """Sum over the joints of |barycentre of its part - joint|, the diagonal where the part is missing."""
    total = 0.0
    for joint, part in zip(joints, parts):
        ys, xs = np.nonzero(label_map == part)
        if part == 0:
            continue
        total += np.hypot(*label_map.shape) if len(ys) == 0 else np.hypot(xs.mean() - joint[0], ys.mean() - joint[1])
    return total


def test_barycentres_are_means(maps):
    found = barycentres(maps)
    assert found.shape == (6, 21, 2)
    for n, label_map in enumerate(maps):
        for label in range(21):
            ys, xs = np.nonzero(label_map == label)
            if len(ys):
                np.testing.assert_allclose(found[n, label], [xs.mean(), ys.mean()])
            else:
                assert np.isnan(found[n, label]).all()
    assert np.isnan(found).any()


@pytest.mark.parametrize('parts', [QUALITY_PARTS, (4, 4, 0, 20, 7)], ids=['hand', 'others'])
def test_it_accepts_what_brings_the_barycentres_nearer(parts):
    first, second = draw_maps(8, seed=1, size=(20, 17)), draw_maps(8, seed=2, size=(20, 17))
    joints = np.random.default_rng(0).uniform(-2, 20, (8, len(parts), 2))
    verdict = judge(first, second, joints, parts)
    before = [slow_measure(label_map, j, parts) for label_map, j in zip(first, joints)]
    after = [slow_measure(label_map, j, parts) for label_map, j in zip(second, joints)]
    np.testing.assert_allclose(verdict.before.sum(1), before)
    np.testing.assert_allclose(verdict.after.sum(1), after)
    np.testing.assert_array_equal(verdict.accepted, np.array(after) < np.array(before))
    assert 0 < verdict.accepted.sum() < 8
    swapped = judge(second, first, joints, parts)
    np.testing.assert_array_equal(swapped.accepted, ~verdict.accepted)


def dots(*places):
    """A map 9 x 12 with one pixel of part i at place i (x, y); None is no pixel."""
    label_map = np.zeros((1, 9, 12), np.uint8)
    for part, place in enumerate(places, 1):
        if place is not None:
            label_map[0, place[1], place[0]] = part
    return label_map


JOINTS = np.array([[[2.0, 1.0], [8.0, 4.0]]])


@pytest.mark.parametrize(
    ('restored', 'after', 'reason'),
    [
        (dots((2, 1), (8, 4)), [0, 0], None),
        (dots((2, 2), (8, 7)), [1, 3], None),
        (dots((2, 5), (8, 8)), [4, 4], 'unchanged'),
        (dots((2, 6), (8, 7)), [5, 3], 'moved'),  # one gains what the other loses
        (dots((2, 7), (8, 8)), [6, 4], 'moved'),
        (dots((2, 1), None), [0, 15], 'lost'),
        (dots(), [15, 15], 'lost'),
    ],
)
def test_a_hand_of_two_joints(restored, after, reason):
    verdict = judge(dots((2, 5), (8, 8)), restored, JOINTS, (1, 2))
    np.testing.assert_allclose(verdict.before, [[4, 4]])
    np.testing.assert_allclose(verdict.after, [after])
    assert verdict.reasons == [reason] and verdict.accepted.tolist() == [reason is None]


def test_it_is_monotone():
    """The nearer one part comes, others as they are, the sooner it is accepted; never the other way round."""
    original = dots((2, 5), (8, 8))
    accepted = [judge(original, dots((2, 5), (8, y)), JOINTS, (1, 2)).accepted[0] for y in range(4, 9)]
    assert accepted == [True, True, True, True, False]


def test_statistics_add_up():
    original = np.concatenate([dots((2, 5), (8, 8))] * 5)
    restored = np.concatenate(
        [dots((2, 1), (8, 4)), dots((2, 1), None), dots((2, 7), (8, 8)), dots((2, 5), (8, 8)), dots(None, (8, 4))]
    )
    verdict = judge(original, restored, np.repeat(JOINTS, 5, 0), (1, 2))
    assert verdict.reasons == [None, 'lost', 'moved', 'unchanged', 'lost']
    statistics = RejectionStatistics()
    assert np.isnan(statistics.rate) and str(statistics) == 'no maps restored'
    for part in (slice(0, 2), slice(2, 5)):
        statistics.add(judge(original[part], restored[part], np.repeat(JOINTS, 5, 0)[part], (1, 2)))
    assert (statistics.maps, statistics.rejected, statistics.rate) == (5, 4, 0.8)
    assert statistics.reasons == dict(lost=2, moved=1, unchanged=1) and statistics.joints == {1: 1, 0: 2}
    assert statistics.before == pytest.approx(40) and statistics.after == pytest.approx(0 + 15 + 10 + 8 + 15)
    assert '4 of 5 restored maps rejected (80.0 %: 2 lost, 1 moved, 1 unchanged)' in str(statistics)
    assert '8.0 px off before, 9.6 px after' in str(statistics)


def test_joints_without_a_part_may_be_anywhere():
    joints = np.concatenate([JOINTS, np.full((1, 1, 2), np.nan)], 1)
    verdict = judge(dots((2, 5), (8, 8)), dots((2, 1), (8, 4)), joints, (1, 2, 0))
    assert verdict.accepted.all() and verdict.after.tolist() == [[0, 0, 0]]


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(joints=JOINTS[:, :1]), r'joints \(B, 2, 2\), found \(1, 9, 12\), \(1, 9, 12\) and \(1, 1, 2\)'),
        (dict(restored=np.zeros((2, 9, 12), np.uint8)), r'found \(1, 9, 12\), \(2, 9, 12\)'),
        (dict(parts=(1, 21)), r'parts must be 0..20, and not all 0, found \[1, 21\]'),
        (dict(parts=(-1, 2)), r'found \[-1, 2\]'),
        (dict(parts=(0, 0)), r'found \[0, 0\]'),
        (dict(joints=np.array([[[1, 2], [np.inf, 0]]])), r'joint 1 of map 0 is \[inf  0.\]'),
        (dict(restored=np.full((1, 9, 12), 21, np.uint8)), 'maps to judge: map 0 has the label 21'),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        judge(**dict(original=dots((1, 1)), restored=dots((1, 1)), joints=JOINTS, parts=(1, 2)) | change)
