"""The 20 joint angles, against triangles, planes and hand-made poses."""

import numpy as np
import pytest
import torch

from handkd.geometry import ANGLE_JOINTS, angle_excess, axis_angle_to_matrix, joint_angles
from handkd.hand import FINGERS, JOINT_INDEX, JOINTS, finger_joints

RNG = np.random.default_rng(0)


def measure(joints: np.ndarray, left: bool | list = False) -> np.ndarray:
    values, defined = joint_angles(torch.from_numpy(joints), torch.as_tensor(left))
    assert defined.all()
    return values.numpy()


def flat_hand() -> np.ndarray:
    """A right hand with its palm to the camera, fingers up, thumb to the right of the picture, mm."""
    joints = np.zeros((21, 3))
    for finger, x in zip(FINGERS, (50, 30, 10, -10, -30)):
        for step, joint in enumerate(finger_joints(finger)):
            joints[joint] = (x, -90 - 25 * step, 0)
    return joints + (15, -20, 500)


def turn(joints: np.ndarray, joint: str, axis: tuple, degrees: float) -> np.ndarray:
    """Turn what hangs on a joint of a finger about it."""
    joints, base = joints.copy(), JOINT_INDEX[joint]
    moved = [j for j in finger_joints(joint.split('_')[0]) if j > base]
    rotation = axis_angle_to_matrix(np.radians(degrees) * np.array(axis, float))
    joints[moved] = (joints[moved] - joints[base]) @ rotation.T + joints[base]
    return joints


def angle_by_sides(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> float:
    """The turn from a -> b to b -> c: what the triangle's angle at b (law of cosines) lacks to a straight one."""
    ab, bc, ca = (np.linalg.norm(p - q) for p, q in ((a, b), (b, c), (c, a)))
    return np.pi - np.arccos((ab**2 + bc**2 - ca**2) / (2 * ab * bc))


def angle_above_plane(vector: np.ndarray, first: np.ndarray, second: np.ndarray) -> float:
    """The angle between a vector and the plane of two others, positive on the side of their cross product."""
    basis, _ = np.linalg.qr(np.stack([first, second], 1))
    flat = basis @ (basis.T @ vector)
    sign = np.sign(np.linalg.det(np.stack([first, second, vector])))
    return sign * np.arctan2(np.linalg.norm(vector - flat), np.linalg.norm(flat))


def angle_to_perpendicular(vector: np.ndarray, line: np.ndarray) -> float:
    """The angle between a vector and the perpendicular of a line in their plane, positive along the line."""
    perpendicular = np.cross(np.cross(line, vector), line)
    angle = np.arctan2(np.linalg.norm(np.cross(vector, perpendicular)), vector @ perpendicular)
    return angle if vector @ line > 0 else -angle


@pytest.mark.parametrize('left', [False, True])
def test_angles_are_those_of_the_geometry(left):
    joints = RNG.normal(size=(21, 3)) * 50
    index, little, wrist = (joints[JOINTS.index(name)] for name in ('index_mcp', 'little_mcp', 'wrist'))
    expected = np.zeros((5, 4))
    for finger in range(5):
        m, p, d, t = joints[1 + 4 * finger : 5 + 4 * finger]
        above = angle_above_plane(p - m, index - wrist, little - wrist)
        angles = angle_to_perpendicular(p - m, index - little), -above if left else above
        expected[finger] = *np.sin(angles), np.cos(angle_by_sides(m, p, d)), np.cos(angle_by_sides(p, d, t))
    np.testing.assert_allclose(measure(joints, left), expected, atol=1e-12)


def test_a_flat_hand_and_one_joint_bent_at_a_time():
    hand, x, z = flat_hand(), (1, 0, 0), (0, 0, 1)
    flat = np.tile([0.0, 0.0, 1.0, 1.0], (5, 1))
    np.testing.assert_allclose(measure(hand), flat, atol=1e-12)
    cases = {
        ('middle_mcp', x, 30): (2, 1, 0.5),  # towards the camera, which sees the palm
        ('middle_mcp', x, -30): (2, 1, -0.5),
        ('index_mcp', z, 20): (1, 0, np.sin(np.radians(20))),  # towards the thumb
        ('little_mcp', z, -20): (4, 0, -np.sin(np.radians(20))),
        ('ring_pip', x, 60): (3, 2, 0.5),
        ('ring_dip', x, 90): (3, 3, 0.0),
        ('thumb_cmc', x, 30): (0, 1, 0.5),
        ('thumb_mcp', x, 60): (0, 2, 0.5),
    }
    for (joint, axis, degrees), (finger, angle, value) in cases.items():
        expected = flat.copy()
        expected[finger, angle] = value
        np.testing.assert_allclose(measure(turn(hand, joint, axis, degrees)), expected, atol=1e-12, err_msg=joint)
        assert ANGLE_JOINTS[finger][angle] == JOINT_INDEX[joint]


def test_place_size_and_direction_of_the_hand_do_not_matter():
    joints = RNG.normal(size=(4, 21, 3)) * 50
    left = [True, False, True, False]
    moved = 0.013 * joints @ axis_angle_to_matrix(RNG.normal(size=(4, 3))).swapaxes(1, 2) + (3, -4, 5)
    np.testing.assert_allclose(measure(moved, left), measure(joints, left), atol=1e-12)


def test_a_mirrored_hand_of_the_other_side_has_the_same_angles():
    joints = RNG.normal(size=(3, 21, 3)) * 50
    left = np.array([True, False, True])
    mirrored = joints * (-1, 1, 1)
    np.testing.assert_allclose(measure(mirrored, ~left), measure(joints, left), atol=1e-12)
    wrong = measure(mirrored, left)
    np.testing.assert_allclose(wrong * (1, -1, 1, 1), measure(joints, left), atol=1e-12)


def test_gradients_are_those_of_finite_differences():
    joints = torch.from_numpy(RNG.normal(size=(2, 21, 3))).requires_grad_()
    left = torch.tensor([True, False])
    assert torch.autograd.gradcheck(lambda j: joint_angles(j, left)[0], (joints,))
    limits = torch.full((5, 4), -0.2, dtype=torch.float64), torch.full((5, 4), 0.3, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda j: angle_excess(*joint_angles(j, left), *limits), (joints,))


def undefined(joints: np.ndarray) -> set:
    """(finger, angle) of the angles that a pose does not have; all values and gradients must be finite."""
    joints = torch.from_numpy(np.float32(joints)).requires_grad_()
    values, defined = joint_angles(joints, torch.tensor(False))
    values.square().sum().backward()
    assert values.isfinite().all() and joints.grad.isfinite().all() and values.dtype == torch.float32
    return {tuple(pair) for pair in (~defined).nonzero().tolist()}


def test_poses_without_some_angle_have_finite_gradients():
    hand, everything = flat_hand(), {(f, a) for f in range(5) for a in range(4)}
    frame = {(f, a) for f, a in everything if a < 2}
    assert undefined(hand) == set(), 'straight fingers, where the slope of the arc cosine is infinite'
    assert undefined(np.zeros((21, 3))) == everything
    assert undefined(np.full((21, 3), 500.0)) == everything
    line = hand.copy()
    line[JOINTS.index('little_mcp')] = line[JOINTS.index('index_mcp')]
    assert undefined(line) == frame
    plane = hand.copy()
    plane[0] = (hand[JOINTS.index('index_mcp')] + hand[JOINTS.index('little_mcp')]) / 2
    assert undefined(plane) == {(f, 1) for f in range(5)}
    plane[0, 1] += 1e-2
    for scale in (1e-3, 1.0, 1e3):  # mm here, but a network's joints are in units of a bone
        assert undefined(scale * plane) == {(f, 1) for f in range(5)}
        assert undefined(scale * hand) == set()
    bone = hand.copy()
    bone[JOINTS.index('ring_dip')] = bone[JOINTS.index('ring_pip')] + 1e-4
    assert undefined(bone) == {(3, 2), (3, 3)}
    lost = hand.copy()
    lost[JOINTS.index('ring_tip')] = np.nan
    assert undefined(lost) == everything


@pytest.mark.parametrize('joint', ['wrist', 'index_mcp', 'little_mcp', 'ring_tip'])
def test_a_hand_with_a_lost_joint_has_no_angles_and_leaves_the_gradients_of_others_alone(joint):
    joints = torch.randn(2, 21, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    joints[0, JOINTS.index(joint), 1] = torch.nan
    joints.requires_grad_()
    values, defined = joint_angles(joints, torch.tensor([False, True]))
    values.sum().backward()
    assert values.isfinite().all() and not defined[0].any() and defined[1].all()
    assert joints.grad[0].abs().max() == 0 and 0 < joints.grad[1].abs().max() < torch.inf


def test_an_angle_that_a_pose_does_not_have_is_not_out_of_bounds():
    values, defined = joint_angles(torch.zeros(2, 21, 3), torch.tensor([False, True]))
    impossible = torch.full((5, 4), 2.0), torch.full((5, 4), 3.0)
    assert angle_excess(values, defined, *impossible).tolist() == torch.zeros(2, 5, 4).tolist()
    assert (angle_excess(values, ~defined, *impossible) > 0).all()


def test_bounds_are_of_the_cosine_and_not_of_the_angle_as_printed():
    """Two valid angles in [0.1, 1] rad. Eq. 2 bounds f(theta) by f(theta_min) below and f(theta_max) above."""
    theta, smallest, largest = np.array([0.2, 0.9]), 0.1, 1.0
    printed = np.maximum(np.cos(theta) - np.cos(largest), 0) + np.maximum(np.cos(smallest) - np.cos(theta), 0)
    np.testing.assert_allclose(printed, [0.4547, 0.4547], atol=1e-4)

    values = torch.from_numpy(np.cos(theta))[:, None, None].expand(2, 5, 4)
    defined = torch.ones(2, 5, 4, dtype=torch.bool)
    cosines = [torch.full((5, 4), float(np.cos(angle)), dtype=torch.float64) for angle in (largest, smallest)]
    assert angle_excess(values, defined, *cosines).sum() == 0
    as_printed = angle_excess(values, defined, *reversed(cosines))
    np.testing.assert_allclose(as_printed[:, 0, 0], printed, atol=1e-12)


def test_excess_is_the_distance_from_the_nearer_bound():
    values = torch.tensor([-0.75, -0.5, 0.0, 0.25, 0.75])[:, None, None].expand(5, 5, 4)
    bounds = torch.full((5, 4), -0.5), torch.full((5, 4), 0.25)
    excess = angle_excess(values, torch.ones(5, 5, 4, dtype=torch.bool), *bounds)
    assert excess[:, 2, 3].tolist() == [0.25, 0.0, 0.0, 0.0, 0.5]
