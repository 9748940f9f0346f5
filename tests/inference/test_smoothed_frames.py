"""Joints of the hands of a video are smoothed, each hand's by itself."""

import numpy as np

from handkd.inference.records import HAND_KEYS
from handkd.inference.smoothed_frames import FrameSmoother
from handkd.inference.sources import Frame


def test_joints_of_each_track_are_smoothed_and_single_images_are_not():
    rng, smooth = np.random.default_rng(0), FrameSmoother()
    rest = {track: rng.uniform(0, 100, (21, 2)) for track in (4, 7)}
    errors = {track: [] for track in rest}
    for number in range(20):
        tracks = [4, 7] if number % 2 else [7, 4]  # in any order
        noisy = [rest[track] + rng.normal(0, 1, (21, 2)) for track in tracks]
        hands = [dict.fromkeys(HAND_KEYS) | dict(track=track, keypoints=xy) for track, xy in zip(tracks, noisy)]
        smooth(Frame(None, None, 'clip.mp4', number, number / 30, 'clip'), dict(hands=hands))
        for track, hand in zip(tracks, hands):
            errors[track].append(np.abs(hand['keypoints'] - rest[track]).mean())
    for track in rest:
        assert np.mean(errors[track][10:]) < 0.6 * errors[track][0]
    hand = dict.fromkeys(HAND_KEYS) | dict(keypoints=rest[4] + 50)
    smooth(Frame(None, None, 'photo.jpg', None, None, 'photo'), dict(hands=[hand]))
    np.testing.assert_array_equal(hand['keypoints'], rest[4] + 50)
