"""The 21-joint hand: names, parents, bones, fingers and parts in the one order used everywhere inside handkd.

The order is MMPose's and FreiHAND's: the wrist, then thumb, index, middle, ring and little finger, each from palm to
tip. A data set's own order is mapped to this one once, by name, in that data set's file.

A *part* is the region of the hand around one bone, and its number is the index of the bone's child joint (1..20);
0 is everything else (background and forearm) and 255 is unknown. Part 1, around the bone from the wrist to the thumb's
base, is the carpus, which together with the metacarpal parts 5, 9, 13 and 17 makes up the palm.
"""

from __future__ import annotations

import numpy as np

from .hints import check_choice, did_you_mean

FINGERS: tuple[str, ...] = ('thumb', 'index', 'middle', 'ring', 'little')
"""Finger names from the thumb to the little finger."""

JOINTS: tuple[str, ...] = (
    'wrist',
    'thumb_cmc', 'thumb_mcp', 'thumb_ip', 'thumb_tip',
    'index_mcp', 'index_pip', 'index_dip', 'index_tip',
    'middle_mcp', 'middle_pip', 'middle_dip', 'middle_tip',
    'ring_mcp', 'ring_pip', 'ring_dip', 'ring_tip',
    'little_mcp', 'little_pip', 'little_dip', 'little_tip',
)  # fmt: skip
"""The 21 joint names, in handkd's order."""

NUM_JOINTS = len(JOINTS)

JOINT_INDEX: dict[str, int] = {name: i for i, name in enumerate(JOINTS)}
"""Joint name -> index in :data:`JOINTS`."""

PARENTS: tuple[int, ...] = tuple(-1 if j == 0 else 0 if j % 4 == 1 else j - 1 for j in range(NUM_JOINTS))
"""Index of each joint's parent; -1 for the wrist, the root of the tree."""

BONES: tuple[tuple[int, int], ...] = tuple((PARENTS[j], j) for j in range(1, NUM_JOINTS))
"""The 20 bones as (parent, child); bone i ends at joint i + 1."""

TIPS: tuple[int, ...] = (4, 8, 12, 16, 20)
"""Indices of the fingertips, from the thumb to the little finger."""

NUM_PARTS = len(BONES)

PALM_PARTS: tuple[int, ...] = (1, 5, 9, 13, 17)
"""Part numbers that make up the palm."""

JOINT_PARTS: tuple[tuple[int, ...], ...] = tuple(
    tuple(child for parent, child in BONES if joint in (parent, child)) for joint in range(NUM_JOINTS)
)
"""Parts around the bones that meet at each joint, ascending: all palm parts for the wrist, one for a fingertip."""

PART_UNKNOWN = 255
"""Value of ``part_seg`` where the part is not known."""

SIDES: tuple[str, str] = ('left', 'right')

HAND_TYPES: tuple[str, ...] = ('left', 'right', 'single', 'interacting')
"""Types of the hands in an image: those of InterHand2.6M, and 'single' for one of an unknown side."""


def finger_joints(finger: str) -> tuple[int, ...]:
    """Return the indices of a finger's four joints, from palm to tip.

    Args:
        finger: One of :data:`FINGERS`.

    Raises:
        ValueError: If the finger does not exist.
    """
    if finger not in FINGERS:
        raise ValueError(f'no finger named {finger!r}; expected one of {FINGERS}')
    base = 1 + 4 * FINGERS.index(finger)
    return tuple(range(base, base + 4))


def joint_index(joint: str | int) -> int:
    """Return a joint's index from its name or index.

    Raises:
        ValueError: If the joint does not exist; names the nearest right one.
    """
    if isinstance(joint, int) and 0 <= joint < NUM_JOINTS:
        return joint
    if joint in JOINT_INDEX:
        return JOINT_INDEX[joint]
    raise ValueError(f'no joint named {joint!r}; {did_you_mean(joint, JOINTS)}')


def other_side(side: str) -> str:
    """Return the side that a mirrored image shows: ``'left'`` for ``'right'`` and the reverse.

    Raises:
        ValueError: If ``side`` is neither.
    """
    check_choice(side, SIDES, 'hand side')
    return SIDES[1 - SIDES.index(side)]


def chirality(keypoints_cam: np.ndarray) -> tuple[str, float]:
    """Estimate the side of a hand from its 3D joints alone.

    Fingers bend towards the palm: with the palm's normal n = (little - index) x (middle - wrist), the direction of
    flexion points along +n on a left hand and along -n on a right one. The sum over the four fingers decides.

    Args:
        keypoints_cam: Joints of one hand, shape (21, 3), any unit, camera frame (x right, y down, z forward).

    Returns:
        The side, and a confidence from 0 (a flat hand, whose side is not determined) to 1.

    Raises:
        ValueError: If the shape is not (21, 3).
    """
    joints = np.asarray(keypoints_cam, np.float64)
    if joints.shape != (NUM_JOINTS, 3):
        raise ValueError(f'keypoints_cam must have shape ({NUM_JOINTS}, 3), found {joints.shape}')
    (a, b, c), (u, v, w) = joints[17] - joints[5], joints[9] - joints[0]
    normal = np.array([b * w - c * v, c * u - a * w, a * v - b * u])
    normal /= np.linalg.norm(normal) + 1e-12
    fingers = joints[5:].reshape(4, 4, 3)  # all but the thumb, from palm to tip
    metacarpals = fingers[:, 0] - joints[0]
    metacarpals /= _lengths(metacarpals)[:, None] + 1e-12
    segments = fingers[:, 1:] - fingers[:, :-1]
    along = (segments * metacarpals[:, None]).sum(-1)
    across = segments @ normal - along * (metacarpals @ normal)[:, None]
    flexion, length = across.sum(), _lengths(segments).sum()
    score = flexion / (length + 1e-12)
    return ('left' if score > 0 else 'right'), float(min(1.0, abs(score) * 2))


def _lengths(vectors: np.ndarray) -> np.ndarray:
    """Return the lengths (...) of vectors (..., 3)."""
    return np.sqrt((vectors * vectors).sum(-1))
