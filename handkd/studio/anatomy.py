"""Subjects: bone lengths, palm layout and flesh thickness, as a sphere mesh around the skeleton.

Everything is laid out for a right hand in the *palm frame*: origin at the wrist joint, x to the thumb's side, y along
the palm to the fingers, z out of the palm (volar), millimetres. A left hand is its mirror image in x.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

REFERENCE_LENGTH = 185.0
"""Hand length (wrist crease to middle fingertip, mm) for which the tables below are written: a mean adult."""

PALM = np.array([[25, 21, 9], [27, 90, 0], [5, 93, -3], [-16, 86.5, -1.5], [-34.5, 77, 3.5]], np.float64)
"""Rest positions (mm, palm frame) of the thumb's CMC joint and of the four MCP joints. The y of the MCP joints is
metacarpal length (Buryanov and Kotiuk, "Proportions of hand segments", 2010) plus the height of the carpus; x follows
from a hand breadth of 84 mm, and z is the palm's transverse arch."""

BONES = np.array([[47, 33, 25], [42, 24.5, 19.5], [46, 28, 20.5], [43, 27, 20.5], [34, 20, 18.5]], np.float64)
"""Lengths (mm) of the three bones beyond :data:`PALM` of each finger, thumb first. The last one ends a little under the
fingertip's surface: bone plus soft tissue (Buryanov and Kotiuk, 2010) less 2.5 mm."""

TIP_DEPTH = 2.5
"""Depth (mm) of the fingertip joint under the fingertip's surface."""

THICKNESS = np.array([[11.4, 9.9, 8.6], [9.6, 8.6, 7.0], [9.8, 8.8, 7.2], [9.2, 8.2, 6.8], [8.1, 7.1, 6.0]], np.float64)
"""Radii (mm) of each finger at its second, third and last joint: thumb MCP, IP, tip; others PIP, DIP, tip. Half of the
joint breadths of adult hand anthropometry (Greiner, "Hand anthropometry of U.S. Army personnel", 1991)."""

SPHERES: tuple[tuple[str, int, tuple[float, float, float], float], ...] = (
    ('wrist_radial', 0, (11.5, 4, -1), 16.5),
    ('wrist_ulnar', 0, (-11.5, 4, -1), 16.0),
    ('hypothenar', 0, (-23, 27, 6), 13.0),
    ('hypothenar_distal', 0, (-30, 58, 4.5), 10.5),
    ('web_index_metacarpal', 0, (22, 60, 1), 9.0),
    ('mcp_index', 6, (0, 0, 0), 11.6),
    ('mcp_middle', 10, (0, 0, 0), 11.8),
    ('mcp_ring', 14, (0, 0, 0), 11.0),
    ('mcp_little', 18, (0, 0, 0), 10.0),
    ('thumb_cmc', 2, (0, 0, 0), 12.5),
    ('thenar', 2, (-1, 19, 6.5), 12.5),
    ('web_thumb', 2, (0, 34, 5), 7.0),
    ('thumb_mcp', 3, (0, 0, 0), 0.0),
    ('thumb_ip', 4, (0, 0, 0), 0.0),
    ('thumb_tip', 4, (0, 0, 0), 0.0),
    ('thumb_pulp', 4, (0, 0, 0), 0.0),
    ('index_pip', 7, (0, 0, 0), 0.0),
    ('index_dip', 8, (0, 0, 0), 0.0),
    ('index_tip', 8, (0, 0, 0), 0.0),
    ('index_pulp', 8, (0, 0, 0), 0.0),
    ('middle_pip', 11, (0, 0, 0), 0.0),
    ('middle_dip', 12, (0, 0, 0), 0.0),
    ('middle_tip', 12, (0, 0, 0), 0.0),
    ('middle_pulp', 12, (0, 0, 0), 0.0),
    ('ring_pip', 15, (0, 0, 0), 0.0),
    ('ring_dip', 16, (0, 0, 0), 0.0),
    ('ring_tip', 16, (0, 0, 0), 0.0),
    ('ring_pulp', 16, (0, 0, 0), 0.0),
    ('little_pip', 19, (0, 0, 0), 0.0),
    ('little_dip', 20, (0, 0, 0), 0.0),
    ('little_tip', 20, (0, 0, 0), 0.0),
    ('little_pulp', 20, (0, 0, 0), 0.0),
    ('web_im_index', 6, (-7, 17, 0.5), 5.0),
    ('web_im_middle', 10, (7, 17, 0.5), 5.0),
    ('web_mr_middle', 10, (-7, 18, 0.5), 5.0),
    ('web_mr_ring', 14, (7, 17, 0.5), 5.0),
    ('web_rl_ring', 14, (-6.5, 15, 0.5), 4.8),
    ('web_rl_little', 18, (6.5, 15, 0.5), 4.8),
    ('forearm_wrist_radial', 21, (11, -22, 0), 16.0),
    ('forearm_wrist_ulnar', 21, (-11, -22, 0), 16.0),
    ('forearm_radial', 21, (13, -170, 2), 32.0),
    ('forearm_ulnar', 21, (-13, -170, 2), 31.0),
    ('elbow', 21, (0, -245, 0), 38.0),
    ('upper_arm', 22, (0, 300, 0), 46.0),
)
"""The body's spheres: name, its frame (0 palm, p the bone that ends in joint p, 21 forearm, 22 upper
arm), centre in that frame and radius (mm, reference hand). Zeros are filled in per subject from the finger tables."""

SPHERE_INDEX: dict[str, int] = {row[0]: k for k, row in enumerate(SPHERES)}
SPHERE_FRAME = np.array([row[1] for row in SPHERES], np.int64)
ARM_FRAME, UPPER_ARM_FRAME, NUM_FRAMES = 21, 22, 23

FAN = np.array([-3.5, 0.0, 4.0, 8.5])
"""Rest angle (degrees, about the palm's normal, positive to the little finger's side) of index to little finger."""
ROLL = np.array([-3.0, 0.0, 3.0, 7.0])
"""Roll (degrees) of the plane in which each finger bends: bent fingers converge towards the scaphoid."""


class Subject(NamedTuple):
    """One person's right hand as plain arrays, mm (numba accepts the tuple)."""

    palm: np.ndarray
    """(5, 3) rest positions of thumb CMC and the four MCP joints, palm frame."""
    lengths: np.ndarray
    """(21,) length of the bone that ends in each joint; 0 for the wrist."""
    fan: np.ndarray
    """(4,) rest angle of the fingers, radians."""
    roll: np.ndarray
    """(4,) roll of the fingers' planes of flexion, radians."""
    offsets: np.ndarray
    """(S, 3) sphere centres in their frames."""
    radii: np.ndarray
    """(S,) sphere radii."""
    skin: np.ndarray
    """(16,) appearance: see :mod:`handkd.studio.appearance`."""


def build_subject(length: float, shape: np.ndarray, skin: np.ndarray) -> Subject:
    """Build one subject, in the palm frame.

    Args:
        length: Hand length, mm.
        shape: (32,) standard normal deviates: 0 thickness, 1 palm breadth, 2..6 length of each finger, 7..21 of each
            bone, 22..26 thickness of each finger, 27..30 direction of each finger.
        skin: (16,) uniform deviates for the appearance.
    """
    scale = length / REFERENCE_LENGTH
    stout = np.exp(0.06 * np.clip(shape[0], -2.2, 2.2))
    breadth = np.exp(0.035 * np.clip(shape[1], -2, 2)) * stout**0.4
    palm = PALM * scale * np.array([breadth, 1, 1])
    bones = BONES * scale * np.exp(0.03 * np.clip(shape[2:7], -2, 2))[:, None]
    bones = bones * np.exp(0.025 * np.clip(shape[7:22].reshape(5, 3), -2, 2))
    thick = THICKNESS * scale * stout * np.exp(0.03 * np.clip(shape[22:27], -2, 2))[:, None]

    lengths = np.zeros(21)
    offsets = np.array([row[2] for row in SPHERES], np.float64) * scale
    offsets[:, 0] *= breadth
    radii = np.array([row[3] for row in SPHERES], np.float64) * scale * stout
    for f in range(5):
        lengths[1 + 4 * f] = np.linalg.norm(palm[f])
        lengths[2 + 4 * f : 5 + 4 * f] = bones[f]
        first = SPHERE_INDEX['thumb_mcp'] + 4 * f
        tip = thick[f, 2]
        radii[first : first + 4] = thick[f, 0], thick[f, 1], tip, tip * 1.04
        offsets[first + 2] = 0, bones[f, 2] + TIP_DEPTH * scale - tip, -0.4 * scale
        offsets[first + 3] = 0, bones[f, 2] * 0.55, 1.5 * scale * stout
    radians = np.pi / 180
    fan = (FAN + 1.5 * np.clip(shape[27:31], -2, 2)) * radians
    return Subject(palm, lengths, fan, ROLL * radians, offsets, radii, np.asarray(skin, np.float64))


@lru_cache(maxsize=4096)
def subject_of(seed: int, split_id: int, index: int) -> Subject:
    """Return subject ``index`` of a split: a pure function of its arguments, so splits share no subject.

    Hand lengths (mm): men N(193, 9), women N(176, 8) (Greiner, 1991), and one in eight a child, U(135, 165).
    """
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, split_id, 1, index))))
    kind = rng.random()
    adult = rng.normal(193, 9) if kind < 0.45 else rng.normal(176, 8)
    child = rng.uniform(135, 165)
    length = child if kind > 0.875 else float(np.clip(adult, 155, 220))
    return build_subject(length, rng.standard_normal(32), rng.random(16))
