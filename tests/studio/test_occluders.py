"""Things beside the hand hide it, and are no part of it."""

from __future__ import annotations

import numpy as np

from handkd.studio import StudioDataset

BARE = {'sleeve': 0.0, 'stick': 0.0, 'front': 0.0}


def both(things: dict, count: int = 40):
    """Samples with and without things, otherwise the same."""
    plain = StudioDataset('train', count, modalities=('depth',), randomisation=BARE)
    full = StudioDataset('train', count, modalities=('depth',), randomisation=BARE | things)
    return [(plain[k], full[k]) for k in range(count)]


def test_a_sleeve_leaves_the_hand_and_only_grows_the_arm():
    changed = 0
    for bare, dressed in both({'sleeve': 1.0}):
        np.testing.assert_array_equal(bare['keypoints_cam'], dressed['keypoints_cam'])
        assert not (dressed['hand_mask'] & ~bare['hand_mask']).any()
        assert ((dressed['depth'] > 0) >= (bare['depth'] > 0)).all()
        changed += not np.array_equal(bare['depth'], dressed['depth'])
    assert changed > 10


def test_things_in_front_take_pixels_from_the_hand():
    hidden = 0
    for bare, full in both({'front': 1.0}):
        taken = bare['hand_mask'] & ~full['hand_mask']
        assert (full['depth'][taken] < bare['depth'][taken]).all()
        assert (full['part_seg'][taken] == 0).all()
        hidden += taken.any()
    assert hidden > 30


def test_sticks_are_held_by_bent_hands_only():
    held = [not np.array_equal(bare['depth'], full['depth']) for bare, full in both({'stick': 1.0})]
    assert 5 < sum(held) < 40
