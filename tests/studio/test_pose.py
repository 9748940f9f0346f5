"""Poses: limits and interpenetration measured from the joints alone, bone lengths, chirality."""

from __future__ import annotations

import numpy as np
import pytest

from handkd.hand import PARENTS, chirality
from handkd.studio.anatomy import build_subject
from handkd.studio.pose import ANGLES, HIGH, LIMITS, LOW, NUM_ANGLES, RELAXED, forward_kinematics, penetration


def bend(a: np.ndarray, b: np.ndarray) -> float:
    """Angle between two bones, degrees."""
    cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def test_pose_table_is_complete_and_ordered():
    assert len(LIMITS) == NUM_ANGLES == 24
    assert (LOW < HIGH).all() and (RELAXED >= LOW).all() and (RELAXED <= HIGH).all()
    assert all(len(reason) > 10 for *_, reason in LIMITS.values())


def test_joints_respect_their_limits(draws):
    """Bend of each hinge joint, recomputed from joint positions, and its direction: no finger bends backwards."""
    for draw in draws[1]:
        joints = draw.scene.palm_joints
        bones = {j: joints[j] - joints[PARENTS[j]] for j in range(1, 21)}
        for f, finger in enumerate(('index', 'middle', 'ring', 'little')):
            p = 6 + 4 * f
            assert bend(bones[p], bones[p + 1]) <= LIMITS[f'{finger}_pip_flexion'][1] + 1e-6
            assert bend(bones[p + 1], bones[p + 2]) <= LIMITS[f'{finger}_dip_flexion'][1] + 1e-6
            first, second = np.cross(bones[p], bones[p + 1]), np.cross(bones[p + 1], bones[p + 2])
            if np.linalg.norm(first) > 20 and np.linalg.norm(second) > 20:
                assert bend(first, second) < 1e-3, 'PIP and DIP turn about parallel axes, the same way'
                assert first[0] > 0, 'they bend towards the palm: about +x'
            elevation = np.degrees(np.arcsin(bones[p][2] / np.linalg.norm(bones[p])))
            if bones[p][1] > 0:
                assert elevation >= LIMITS[f'{finger}_mcp_flexion'][0] - 1e-6
        assert bend(bones[2], bones[3]) <= LIMITS['thumb_mcp_flexion'][1] + 1e-6
        assert bend(bones[3], bones[4]) <= LIMITS['thumb_ip_flexion'][1] + 1e-6
        palmar = np.degrees(np.arcsin(bones[2][2] / np.linalg.norm(bones[2])))
        radial = np.degrees(np.arctan2(bones[2][0], bones[2][1]))
        for name, value in (('thumb_cmc_palmar', palmar), ('thumb_cmc_radial', radial)):
            assert LIMITS[name][0] - 1e-6 <= value <= LIMITS[name][1] + 1e-6


def test_poses_vary(draws):
    angles = np.degrees([d.scene.angles for d in draws[1]])
    for finger in ('index', 'middle', 'ring', 'little'):
        column = angles[:, ANGLES.index(f'{finger}_pip_flexion')]
        assert column.min() < 12 and column.max() > 88 and column.std() > 25


def test_bones_have_the_subjects_lengths(draws):
    for draw in draws[1]:
        for joints in (draw.scene.palm_joints, draw.scene.joints):
            lengths = np.linalg.norm(joints[1:] - joints[list(PARENTS[1:])], axis=1)
            np.testing.assert_allclose(lengths, draw.subject.lengths[1:], rtol=1e-9)


def test_fewer_than_one_hand_in_a_hundred_interpenetrates(draws):
    """Sampled balls along the phalanges of different fingers may sink at most 2.5 mm into one another."""
    bad = 0
    for draw in draws[1]:
        joints, radii = draw.scene.palm_joints, draw.subject.radii
        balls = []
        for f in range(5):
            first = 12 + 4 * f
            for i, p in enumerate(range(4 * f + 3, 4 * f + 5)):
                for t in np.linspace(0, 1, 12):
                    centre = joints[p - 1] + t * (joints[p] - joints[p - 1])
                    balls.append((f, *centre, radii[first + i] + t * (radii[first + i + 1] - radii[first + i])))
        balls = np.array(balls)
        gap = np.linalg.norm(balls[:, None, 1:4] - balls[None, :, 1:4], axis=2) - balls[:, None, 4] - balls[None, :, 4]
        bad += gap[balls[:, None, 0] != balls[None, :, 0]].min() < -2.5
    assert bad / len(draws[1]) < 0.01


def test_penetration_of_two_known_fingers():
    subject = build_subject(185.0, np.zeros(32), np.full(16, 0.5))
    joints, frames = np.zeros((21, 3)), np.zeros((23, 3, 3))
    forward_kinematics(RELAXED, subject, joints, frames)
    assert penetration(joints, subject) < 2.0
    joints[11], joints[12] = joints[7], joints[8]  # the middle finger's end in place of the index finger's
    deep = penetration(joints, subject)
    assert deep == pytest.approx(subject.radii[16] + subject.radii[21], rel=0.25)


def test_chirality_of_flexed_hands_is_their_side(draws):
    checked = 0
    for draw in draws[1]:
        flexion = np.degrees(draw.scene.angles[[9, 13, 17, 21]])
        pip = np.degrees(draw.scene.angles[[10, 14, 18, 22]])
        if flexion.mean() > 15 and pip.mean() < 70:
            assert chirality(draw.scene.joints)[0] == draw.side
            checked += 1
    assert checked > 20
    assert {d.side for d in draws[1]} == {'left', 'right'}


def test_frames_of_left_hands_are_mirrored(draws):
    for draw in draws[1][:40]:
        sign = -1 if draw.side == 'left' else 1
        for p in (0, 2, 3, 4, 6, 12, 20, 21):
            frame = draw.scene.frames[p]
            np.testing.assert_allclose(frame.T @ frame, np.eye(3), atol=1e-9)
            assert np.linalg.det(frame) == pytest.approx(sign)


def test_views_cover_the_sphere(draws):
    normals = np.array([d.scene.pose[:, 2] for d in draws[1]])
    assert np.abs(normals.mean(0)).max() < 0.25
    octants = {tuple(n > 0) for n in normals}
    assert len(octants) == 8
