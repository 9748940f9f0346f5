"""The hand's motion: smooth, within the limits of its joints, and the same whatever was asked for before."""

import numpy as np
import pytest

from handkd.studio.anatomy import NUM_FRAMES, subject_of
from handkd.studio.pose import COMPRESSION, HIGH, LOW, forward_kinematics, penetration
from handkd.studio.rig.motion import REACH, Motion


def motion(sequence=0, pace=10):
    return Motion((7, 0, 5, sequence), subject_of(7, 0, sequence), pace)


def joints_of(motion, posture):
    joints, frames = np.zeros((21, 3)), np.zeros((NUM_FRAMES, 3, 3))
    forward_kinematics(posture.angles, motion.subject, joints, frames)
    return (joints - joints[9]) @ posture.rotation.T + posture.place


def test_any_frame_is_the_same_alone_and_in_a_row():
    row = motion()
    for frame in range(40):
        row.at(frame)
    for frame in (0, 9, 10, 33):
        for one, other in zip(row.at(frame), motion().at(frame)):
            np.testing.assert_array_equal(one, other)
    assert not np.allclose(motion(1).at(5).angles, motion(0).at(5).angles)


def test_it_is_smooth():
    """With twice as many frames a step is half as long, and its change a quarter: the path has two derivatives."""
    steps, bends = [], []
    for pace in (20, 40):
        moving = motion(pace=pace)
        path = np.stack([joints_of(moving, moving.at(frame)) for frame in range(3 * pace + 1)])
        steps.append(np.linalg.norm(np.diff(path, axis=0), axis=-1).max())
        bends.append(np.linalg.norm(np.diff(path, 2, axis=0), axis=-1).max())
        still = np.linalg.norm(np.diff(path, axis=0), axis=-1).mean(1)
        assert still[pace] < 0.05 * still.max() and still.max() > 2, 'it rests in each pose, and moves between them'
    assert steps[1] == pytest.approx(steps[0] / 2, rel=0.1)
    assert bends[1] == pytest.approx(bends[0] / 4, rel=0.3)


@pytest.mark.parametrize('sequence', range(6))
def test_poses_are_possible(sequence):
    moving, depths = motion(sequence), []
    for frame in range(60):
        posture = moving.at(frame)
        assert (posture.angles >= LOW - 1e-9).all() and (posture.angles <= HIGH + 1e-9).all()
        np.testing.assert_allclose(posture.rotation @ posture.rotation.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(posture.rotation) > 0 and np.abs(posture.place).max() <= REACH
        assert posture.rotation[1, 1] < -0.4, 'the fingers point up, against y'
        joints, frames = np.zeros((21, 3)), np.zeros((NUM_FRAMES, 3, 3))
        forward_kinematics(posture.angles, moving.subject, joints, frames)
        depths.append(penetration(joints, moving.subject))
    assert max(depths) <= 2 * COMPRESSION, 'on the way between two poses fingers keep apart'


def test_a_detour_is_taken_where_it_is_needed():
    straight = [m for m in map(motion, range(12)) if any(m._detour(n) > 0 for n in range(5))]
    assert straight, 'some way between two poses is blocked'
    moving = straight[0]
    number = next(n for n in range(5) if moving._detour(n) > 0)
    blocked = max(moving._penetration(moving._angles(number, t, 0.0)) for t in np.linspace(0, 1, 9))
    assert blocked > COMPRESSION
