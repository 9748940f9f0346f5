import numpy as np
import pytest

from handkd import hand


def flexed(side):
    """A hand held up with its palm towards the camera (x right, y down, z forward), fingers bent towards it."""
    joints = np.zeros((21, 3))
    for f, x in enumerate((60, 30, 10, -10, -30)):  # of a right hand the thumb is on the right of the picture
        for k in range(4):
            joints[1 + 4 * f + k] = (x, -60 - 25 * k, -12 * k * (k + 1) / 2)
    return joints * (1 if side == 'right' else np.array([-1, 1, 1]))


def test_the_order_is_mmposes_and_the_tree_is_a_hand():
    assert hand.JOINTS[0] == 'wrist' and hand.JOINTS[9] == 'middle_mcp' and len(hand.JOINTS) == 21
    assert [hand.JOINTS[tip] for tip in hand.TIPS] == [f'{finger}_tip' for finger in hand.FINGERS]
    assert all(parent < child for parent, child in hand.BONES)
    assert [child for _, child in hand.BONES] == list(range(1, 21))
    for finger in hand.FINGERS:
        base, *rest = hand.finger_joints(finger)
        assert hand.PARENTS[base] == 0 and [hand.PARENTS[j] for j in rest] == [base, *rest[:-1]]
        assert all(hand.JOINTS[j].startswith(finger) for j in (base, *rest))


def test_a_joint_has_the_parts_of_the_bones_that_meet_in_it():
    parts = dict(zip(hand.JOINTS, hand.JOINT_PARTS))
    assert parts['wrist'] == hand.PALM_PARTS
    assert (parts['thumb_mcp'], parts['index_mcp'], parts['little_dip']) == ((2, 3), (5, 6), (19, 20))
    assert [parts[hand.JOINTS[tip]] for tip in hand.TIPS] == [(tip,) for tip in hand.TIPS]
    assert sorted(sum(hand.JOINT_PARTS, ())) == sorted([*range(1, 21)] * 2)  # each bone has two ends


@pytest.mark.parametrize('side', hand.SIDES)
def test_chirality_is_told_from_the_flexion_and_does_not_change_with_the_view(side):
    rng = np.random.default_rng(0)
    for _ in range(20):
        rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        rotation *= np.sign(np.linalg.det(rotation))
        found, confidence = hand.chirality(flexed(side) @ rotation.T * rng.uniform(0.1, 10) + rng.normal(size=3))
        assert found == side and confidence > 0.3


def test_the_side_of_a_flat_hand_is_not_sure():
    assert hand.chirality(flexed('left') * [1, 1, 0])[1] == pytest.approx(0, abs=1e-9)


def test_wrong_names_are_met_with_the_right_ones():
    assert hand.joint_index('ring_pip') == 14 and hand.joint_index(3) == 3
    with pytest.raises(ValueError, match="'midle_mcp'; did you mean 'middle_mcp'"):
        hand.joint_index('midle_mcp')
    with pytest.raises(ValueError, match='21'):
        hand.joint_index(21)
    with pytest.raises(ValueError, match="'pinky'.*'little'"):
        hand.finger_joints('pinky')
    with pytest.raises(ValueError, match="'Left'"):
        hand.other_side('Left')
    assert hand.other_side('left') == 'right'
