"""The quality check against sums by hand; that nothing can please it by being empty; and that it selects."""

import numpy as np
import pytest
from mmengine.registry import init_default_scope
from scipy.ndimage import uniform_filter

from handkd.hand import NUM_JOINTS, NUM_PARTS
from handkd.registry import DATASETS
from handkd.restoration import QualityCheck, RejectionStatistics, barycentres, judge

from .conftest import draw_maps

DIAGONAL = 48 * 2**0.5


def slow_measure(label_map, joints, valid, names, missing):
    """Sum over the joints of |barycentre of the part of the bone that ends there - joint|, or what a missing one costs.

    Written down from the paper's text, joint by joint; the joints' order is spelled out.
    """
    order = ['wrist'] + [
        f'{finger}_{joint}'
        for finger in ('thumb', 'index', 'middle', 'ring', 'little')
        for joint in (('cmc', 'mcp', 'ip', 'tip') if finger == 'thumb' else ('mcp', 'pip', 'dip', 'tip'))
    ]
    total = 0.0
    for part, name in enumerate(order):
        x, y = joints[part]
        if name == 'wrist' or not valid[part] or np.isnan(x) or np.isnan(y) or (names and name not in names):
            continue
        ys, xs = np.nonzero(label_map == part)
        total += missing if len(ys) == 0 else ((xs.mean() - x) ** 2 + (ys.mean() - y) ** 2) ** 0.5
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


@pytest.mark.parametrize(
    ('missing', 'tolerance', 'names'),
    [(5.0, 0.0, None), (2.5, 6.0, None), (30.0, 0.0, ('thumb_tip', 'middle_mcp', 'little_dip'))],
)
def test_it_accepts_what_brings_the_barycentres_nearer(missing, tolerance, names):
    first, second = draw_maps(20, seed=1, size=(20, 17)), draw_maps(20, seed=2, size=(20, 17))
    rng = np.random.default_rng(0)
    joints, valid = rng.uniform(-2, 20, (20, 21, 2)), rng.random((20, 21)) < 0.8
    joints[3, 5:9], joints[4, 6, 1] = np.nan, np.nan
    verdict = judge(first, second, joints, valid, QualityCheck(missing, tolerance, names))
    before, after = (
        np.array([slow_measure(*row, names, missing) for row in zip(maps, joints, valid)]) for maps in (first, second)
    )
    np.testing.assert_allclose(verdict.before.sum(1), before)
    np.testing.assert_allclose(verdict.after.sum(1), after)
    labelled = before + after > 0
    np.testing.assert_array_equal(verdict.labelled, labelled)
    np.testing.assert_array_equal(verdict.accepted, labelled & (after < before + tolerance))
    assert 0 < verdict.accepted.sum() < 20
    swapped = judge(second, first, joints, valid, QualityCheck(missing, tolerance, names))
    np.testing.assert_array_equal(swapped.accepted, labelled & (before < after + tolerance))


def dots(*places):
    """A map 9 x 12 with one pixel of part i at place i (x, y); None is no pixel."""
    label_map = np.zeros((1, 9, 12), np.uint8)
    for part, place in enumerate(places, 1):
        if place is not None:
            label_map[0, place[1], place[0]] = part
    return label_map


JOINTS = np.full((1, NUM_JOINTS, 2), np.nan)
JOINTS[0, 1:3] = [2.0, 1.0], [8.0, 4.0]
"""Joints 1 and 2; the others have no label."""


@pytest.mark.parametrize(
    ('restored', 'after', 'reason'),
    [
        (dots((2, 1), (8, 4)), [0, 0], None),
        (dots((2, 2), (8, 7)), [1, 3], None),
        (dots((2, 5), (8, 8)), [4, 4], 'unchanged'),
        (dots((2, 6), (8, 7)), [5, 3], 'moved'),  # one gains what the other loses
        (dots((2, 7), (8, 8)), [6, 4], 'moved'),
        (dots((2, 5), None), [4, 5], 'lost'),
        (dots((2, 1), None), [0, 5], None),  # the one part gains more than the other costs
        (dots(), [5, 5], 'lost'),
    ],
)
def test_a_hand_of_two_joints(restored, after, reason):
    verdict = judge(dots((2, 5), (8, 8)), restored, JOINTS)
    np.testing.assert_allclose(verdict.before[:, 1:3], [[4, 4]])
    np.testing.assert_allclose(verdict.after[:, 1:3], [after])
    assert not verdict.before[:, 3:].any() and not verdict.after[:, [0, *range(3, 21)]].any()
    assert verdict.reasons == [reason] and verdict.accepted.tolist() == [reason is None]


def test_joints_without_a_label_are_left_out():
    original, restored = dots((2, 5), (8, 8)), dots((2, 4), None)
    assert judge(original, restored, JOINTS, check=QualityCheck(missing=9.0)).reasons == ['lost']
    valid = np.isin(np.arange(NUM_JOINTS), [2], invert=True)[None].astype(np.float32)
    verdict = judge(original, restored, np.nan_to_num(JOINTS), valid, QualityCheck(joints=['thumb_cmc', 'thumb_mcp']))
    assert verdict.accepted.all() and verdict.before.sum() == 4 and not verdict.lost.any()
    verdict = judge(original, restored, JOINTS, 0 * valid, QualityCheck(tolerance=3.0))
    assert verdict.reasons == ['unlabelled'] and not verdict.accepted.any()


def test_it_is_monotone():
    """The nearer one part comes, others as they are, the sooner it is accepted; never the other way round."""
    original = dots((2, 5), (8, 8))
    accepted = [judge(original, dots((2, 5), (8, y)), JOINTS).accepted[0] for y in range(4, 9)]
    assert accepted == [True, True, True, True, False]


def test_statistics_add_up():
    original = np.concatenate([dots((2, 5), (8, 8))] * 5)
    restored = np.concatenate(
        [dots((2, 1), (8, 4)), dots((2, 5), None), dots((2, 7), (8, 8)), dots((2, 5), (8, 8)), dots(None, (8, 8))]
    )
    joints = np.repeat(JOINTS, 5, 0)
    assert judge(original, restored, joints).reasons == [None, 'lost', 'moved', 'unchanged', 'lost']
    statistics = RejectionStatistics()
    assert np.isnan(statistics.rate) and str(statistics) == 'no maps restored'
    for part in (slice(0, 2), slice(2, 5)):
        statistics.add(judge(original[part], restored[part], joints[part]))
    assert (statistics.maps, statistics.rejected, statistics.rate) == (5, 4, 0.8)
    assert statistics.reasons == dict(lost=2, moved=1, unchanged=1) and statistics.joints == {2: 1, 1: 2}
    assert statistics.before == pytest.approx(40) and statistics.after == pytest.approx(0 + 9 + 10 + 8 + 9)
    assert '4 of 5 restored maps rejected (80.0 %: 2 lost, 1 moved, 1 unchanged, 0 unlabelled)' in str(statistics)
    assert '8.0 px off before, 7.2 px after' in str(statistics)


@pytest.fixture(scope='module')
def hands():
    """Maps of the studio's hands as weakseg crops them, (200, 48, 48), and their joints, (200, 21, 2)."""
    init_default_scope('handkd')
    pipeline = [
        dict(type='HandCrop', rule='cube', cube=220.0),
        dict(type='WarpCrop', size=48),
        dict(type='DepthToCube', cube=220.0, hand_only=True),
        dict(type='PackHandInputs', modalities=['depth'], fields=['part_seg']),
    ]
    hand = dict(type='StudioDataset', split='test', modalities=['depth'], resolution=64, randomisation=dict(view=40.0))
    dataset = DATASETS.build(dict(hand, length=200, sides=['right'], crop_noise=None, pipeline=pipeline))
    samples = [item['data_samples'] for item in dataset.__getitems__(list(range(200)))]
    maps = np.concatenate([np.asarray(sample.gt_fields.part_seg) for sample in samples])
    return maps, np.concatenate([sample.gt_instances.keypoints for sample in samples])


def corrupted(maps, rng):
    """Discs, and scattered pixels, of true maps take the labels of other parts of the same hand."""
    y, x = np.mgrid[:48, :48]
    out = maps.copy()
    for found, truth in zip(out, maps):
        labels = truth[truth > 0]
        rows, columns = np.nonzero(truth)
        for place in rng.integers(len(labels), size=rng.integers(7)):
            disc = (y - rows[place]) ** 2 + (x - columns[place]) ** 2 < rng.uniform(2, 5) ** 2
            found[disc & (truth > 0)] = rng.choice(labels)
        noisy = (rng.random(truth.shape) < rng.uniform(0, 0.5)) & (truth > 0)
        found[noisy] = rng.choice(labels, noisy.sum())
    return out


def majority(maps, window=7):
    """Each hand pixel takes the label of most pixels around it: like voting, it mends noise and loses small parts."""
    votes = [uniform_filter((maps == part).astype(np.float32), (0, window, window)) for part in range(1, NUM_PARTS + 1)]
    return np.where(maps > 0, np.argmax(votes, 0) + 1, 0).astype(np.uint8)


def area_under_curve(scores, positive):
    """Chance that a positive has a higher score than a negative."""
    higher = scores[positive][:, None] - scores[~positive][None]
    return ((higher > 0) + 0.5 * (higher == 0)).mean()


@pytest.mark.parametrize('seed', [0, 1, 2])
def test_it_selects_the_maps_that_restoring_has_brought_nearer_to_the_truth(hands, seed):
    truth, joints = hands
    predicted = corrupted(truth, np.random.default_rng(seed))
    restored = majority(predicted)
    hand = truth > 0
    right = [((maps == truth) & hand).sum((1, 2)) / hand.sum((1, 2)) for maps in (predicted, restored)]
    better = right[1] > right[0]
    assert 0.3 < better.mean() < 0.7, 'a fair question'

    def auc(**options):
        verdict = judge(predicted, restored, joints, check=QualityCheck(**options))
        return area_under_curve((verdict.before - verdict.after).sum(1), better)

    assert auc() > 0.8 and auc(missing=10.0) > 0.8
    assert auc(missing=DIAGONAL) < auc() - 0.15, 'where parts that come or go outweigh all others'
    assert judge(predicted, truth, joints).accepted.mean() > 0.95, 'the truth itself may teach'


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(joints=JOINTS[:, :1]), r'joints \(B, 21, 2\), found \(1, 9, 12\), \(1, 9, 12\) and \(1, 1, 2\)'),
        (dict(restored=np.zeros((2, 9, 12), np.uint8)), r'found \(1, 9, 12\), \(2, 9, 12\)'),
        (dict(valid=np.ones(21)), r'valid, .* must be \(1, 21\), found \(21,\)'),
        (dict(restored=np.full((1, 9, 12), 21, np.uint8)), 'maps to judge: map 0 has the label 21'),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        judge(**dict(original=dots((1, 1)), restored=dots((1, 1)), joints=JOINTS) | change)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(missing=0.0), 'missing, the cost of a missing part, must be a length above 0 px, found 0.0'),
        (dict(missing=float('inf')), 'found inf'),
        (dict(tolerance=-1.0), 'tolerance must be a length of at least 0 px, found -1.0'),
        (dict(joints=[]), r'joints must be a list of names, or None for all, found \[\]'),
        (dict(joints='thumb_tip'), "found 'thumb_tip'"),
        (dict(joints=['thum_tip']), "no joint named 'thum_tip'; did you mean 'thumb_tip'"),
        (dict(joints=['index_tip', 'wrist']), 'without the wrist, at which no part ends'),
        (dict(joints=['index_tip', 'index_tip']), r"must all differ.*found \['index_tip', 'index_tip'\]"),
    ],
)
def test_settings_without_a_meaning_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        QualityCheck(**options)
