"""Which unit joints are in, by the size of a hand."""

import numpy as np
import pytest

from handkd.hand import BONES
from handkd.units import BONE_RANGE, HAND_RANGE, bone_length, guess_unit, hand_size, unit_scale, wrong_unit

HANDS = np.random.default_rng(0).normal(size=(4, 21, 3)) * 15 + (0, 0, 600)


def test_the_bones_median_counts_labelled_bones_alone():
    lengths = [np.linalg.norm(hand[child] - hand[parent]) for hand in HANDS for parent, child in BONES]
    assert bone_length(HANDS) == pytest.approx(np.median(lengths))
    labelled = np.zeros((4, 21), bool)
    labelled[2, [5, 6]] = True
    expected = np.linalg.norm(HANDS[2, 5] - HANDS[2, 6])
    assert bone_length(HANDS, labelled) == pytest.approx(expected)
    assert bone_length(np.where(labelled[..., None], HANDS, np.nan)) == pytest.approx(expected)
    assert np.isnan(bone_length(HANDS, np.zeros((4, 21), bool)))


def test_how_far_hands_reach():
    sizes = [np.linalg.norm(hand.max(0) - hand.min(0)) for hand in HANDS]
    assert hand_size(HANDS) == pytest.approx(np.median(sizes))
    labelled = np.ones((4, 21), bool)
    labelled[:3, 4:] = False  # too few to tell
    assert hand_size(HANDS, labelled) == pytest.approx(sizes[3])
    assert np.isnan(hand_size(HANDS, labelled & False))


@pytest.mark.parametrize(('unit', 'scale'), [('mm', 1), ('cm', 10), ('m', 1000)])
def test_each_unit_is_told_from_the_others(unit, scale):
    assert unit_scale(unit) == scale
    for size, expected in ((32, BONE_RANGE), (180, HAND_RANGE)):
        assert guess_unit(size / scale, expected) == unit
    said = wrong_unit(HANDS / scale)
    assert (said is None) == (unit == 'mm')
    if said:
        assert said.endswith(f'the joints are in {unit}, so multiply them, and T of the camera, by {scale}')


def test_what_is_in_no_unit():
    for joints in (HANDS / 100, HANDS * 1000, HANDS * 0, np.full((21, 3), np.nan)):  # the first in units of a bone
        assert wrong_unit(joints) is None
    assert guess_unit(float('nan'), HAND_RANGE) is None
    with pytest.raises(ValueError, match="unit: there is no 'inch'; expected one of"):
        unit_scale('inch')
