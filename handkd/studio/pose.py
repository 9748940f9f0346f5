"""Poses: joint limits, a sampler with finger synergies, forward kinematics and a test for interpenetration."""

from __future__ import annotations

import math

import numpy as np

from handkd.compiling import njit

from .anatomy import ARM_FRAME, Subject
from .renderer import JIT

LIMITS: dict[str, tuple[float, float, str]] = {
    'wrist_flexion': (-65.0, 70.0, 'AAOS norms: extension 70, flexion 80; less at the ends, where the fingers lock'),
    'wrist_deviation': (-20.0, 30.0, 'AAOS norms: radial 20 (negative here), ulnar 30'),
    'palm_cupping': (0.0, 14.0, 'the ulnar CMC joints give 10 (ring) to 20-30 (little) degrees; shared out over both'),
    'thumb_cmc_radial': (2.0, 58.0, 'radial abduction in the palm plane, 0 next to the index: AAOS 0..50-70'),
    'thumb_cmc_palmar': (-5.0, 50.0, 'palmar abduction out of the palm plane: AAOS 0..50-70'),
    'thumb_cmc_twist': (-10.0, 10.0, 'axial play beyond the rotation that the saddle joint couples to opposition'),
    'thumb_mcp_flexion': (-8.0, 55.0, 'AAOS norms: 0..50, some hyperextension'),
    'thumb_ip_flexion': (-12.0, 75.0, 'AAOS norms: 0..80; 10-15 hyperextension is common'),
} | {
    f'{finger}_{joint}': limit
    for finger, spread in (('index', 16.0), ('middle', 9.0), ('ring', 10.0), ('little', 18.0))
    for joint, limit in (
        ('abduction', (-spread, spread, 'about +-20 for index and little, half of that between (Norkin and White)')),
        ('mcp_flexion', (-20.0, 90.0, 'AAOS norms: 0..90, extension to -30..-45 passively, -20 actively')),
        ('pip_flexion', (0.0, 105.0, 'AAOS norms: 0..100-110; no hyperextension in most hands')),
        ('dip_flexion', (0.0, 75.0, 'AAOS norms: 0..80-90; tied to PIP, about 2/3 of it (Rijpkema and Girard, 1991)')),
    )
}
"""Limits in degrees, (low, high, why), in the order of a pose vector (24 angles)."""

ANGLES: tuple[str, ...] = tuple(LIMITS)
NUM_ANGLES = len(ANGLES)
LOW = np.radians([row[0] for row in LIMITS.values()])
HIGH = np.radians([row[1] for row in LIMITS.values()])

COMPRESSION = 2.0
"""Depth (mm) to which two parts may press into each other before it counts as interpenetration."""

UNIFORMS = 32
"""Number of uniform deviates for one attempt at a pose."""
ATTEMPTS = 12
"""Attempts at a pose before the relaxed hand, which never collides, is used."""

RELAXED = np.radians([0.0, 0, 4, 28, 22, 0, 12, 14, 0, 22, 28, 16, 0, 27, 32, 19, 0, 30, 35, 21, 0, 32, 36, 22])
"""The resting hand, whose fingers bend more towards the little finger."""

PINCH = np.radians(
    [
        [26.0, 36, -1, 15, 24, -5, 58, 52, 30],
        [14.0, 41, 0, 17, 24, -8, 66, 54, 31],
        [3.0, 47, 2, 22, 23, 9, 68, 59, 34],
        [2.0, 50, 9, 41, 20, 16, 80, 54, 31],
    ]
)
"""Angles of thumb (5) and finger (4) at which their pulps meet and face each other on the reference hand, for
index to little finger: found by minimising the gap, with the other fingers stretched."""
FIST_THUMB = np.radians([27.0, 48, -8, 29, 44])
"""Angles at which the thumb lies across the bent index and middle fingers, found likewise."""


@njit(**JIT)
def _rot_x(m: np.ndarray, angle: float, out: np.ndarray) -> None:
    """Out = m @ Rx(angle): bending about the lateral axis rotates y (along the bone) towards z (the palm's side)."""
    c, s = math.cos(angle), math.sin(angle)
    for r in range(3):
        y, z = m[r, 1], m[r, 2]
        out[r, 0] = m[r, 0]
        out[r, 1] = y * c + z * s
        out[r, 2] = z * c - y * s


@njit(**JIT)
def _finger_base(splay: float, roll: float, out: np.ndarray) -> None:
    """Out = Rz(splay) @ Ry(roll): splay to the little finger's side, roll of the plane of flexion to the thumb's."""
    c, s, d, e = math.cos(splay), math.sin(splay), math.cos(roll), math.sin(roll)
    out[0, 0], out[0, 1], out[0, 2] = c * d, -s, c * e
    out[1, 0], out[1, 1], out[1, 2] = s * d, c, s * e
    out[2, 0], out[2, 1], out[2, 2] = -e, 0.0, d


@njit(**JIT)
def _thumb_base(radial: float, palmar: float, twist: float, out: np.ndarray) -> None:
    """Frame of the thumb's metacarpal: y along it, z to the side of its pulp, x = y x z.

    The pulp faces half palmar next to the flat hand and rotates to face the fingers in opposition: the rotation
    that the saddle-shaped CMC joint couples to palmar abduction.
    """
    sa, ca, sb, cb = math.sin(radial), math.cos(radial), math.sin(palmar), math.cos(palmar)
    rho = math.radians(42.0) - 0.85 * palmar + twist
    c, s = math.cos(rho), math.sin(rho)
    out[0, 1], out[1, 1], out[2, 1] = sa * cb, ca * cb, sb
    out[0, 2] = -c * ca - s * sa * sb
    out[1, 2] = c * sa - s * ca * sb
    out[2, 2] = s * cb
    out[0, 0] = out[1, 1] * out[2, 2] - out[2, 1] * out[1, 2]
    out[1, 0] = out[2, 1] * out[0, 2] - out[0, 1] * out[2, 2]
    out[2, 0] = out[0, 1] * out[1, 2] - out[1, 1] * out[0, 2]


@njit(**JIT)
def forward_kinematics(angles: np.ndarray, subject: Subject, joints: np.ndarray, frames: np.ndarray) -> None:
    """Compute a right hand's joints and bone frames in the palm frame.

    Args:
        angles: (24,) radians, in the order of :data:`ANGLES`.
        subject: A :class:`~handkd.studio.anatomy.Subject`.
        joints: (21, 3) output, mm.
        frames: (23, 3, 3) output: frame p of the bone that ends in joint p, columns lateral, along, palmar; 0 palm, 21
            forearm (y to the hand). Frame 22 (upper arm) is not touched.
    """
    joints[0] = 0.0
    for j in (0, 1, 5, 9, 13, 17):
        frames[j] = np.eye(3)
    _rot_x(frames[0], -angles[0], frames[ARM_FRAME])
    c, s = math.cos(angles[1]), math.sin(angles[1])
    for r in range(3):
        x, y = frames[ARM_FRAME, r, 0], frames[ARM_FRAME, r, 1]
        frames[ARM_FRAME, r, 0], frames[ARM_FRAME, r, 1] = x * c - y * s, x * s + y * c
    joints[1] = subject.palm[0]
    _thumb_base(angles[3], angles[4], angles[5], frames[2])
    _rot_x(frames[2], angles[6], frames[3])
    _rot_x(frames[3], angles[7], frames[4])
    for f in range(4):
        a = 8 + 4 * f
        cup = angles[2] * (0.0, 0.0, 0.5, 1.0)[f]
        c, s = math.cos(cup), math.sin(cup)
        rest = subject.palm[f + 1]
        base = 5 + 4 * f
        joints[base, 0], joints[base, 1], joints[base, 2] = (
            rest[0],
            c * rest[1] - s * rest[2],
            s * rest[1] + c * rest[2],
        )
        splay = subject.fan[f] + (angles[a] if f > 1 else -angles[a])
        _finger_base(splay, subject.roll[f], frames[base + 1])
        _rot_x(frames[base + 1], angles[a + 1], frames[base + 1])
        _rot_x(frames[base + 1], angles[a + 2], frames[base + 2])
        _rot_x(frames[base + 2], angles[a + 3], frames[base + 3])
    for base in (1, 5, 9, 13, 17):
        for k in range(1, 4):
            for r in range(3):
                joints[base + k, r] = joints[base + k - 1, r] + frames[base + k, r, 1] * subject.lengths[base + k]


@njit(**JIT)
def _closest(
    p0: tuple[float, float, float],
    p1: tuple[float, float, float],
    q0: tuple[float, float, float],
    q1: tuple[float, float, float],
) -> tuple[float, float, float]:
    """Parameters and distance of the closest points of two segments (Ericson, Real-Time Collision Detection, 5.1.9)."""
    ux, uy, uz = p1[0] - p0[0], p1[1] - p0[1], p1[2] - p0[2]
    vx, vy, vz = q1[0] - q0[0], q1[1] - q0[1], q1[2] - q0[2]
    wx, wy, wz = p0[0] - q0[0], p0[1] - q0[1], p0[2] - q0[2]
    a, e = ux * ux + uy * uy + uz * uz, vx * vx + vy * vy + vz * vz
    f = vx * wx + vy * wy + vz * wz
    c = ux * wx + uy * wy + uz * wz
    b = ux * vx + uy * vy + uz * vz
    denom = a * e - b * b
    s = min(max((b * f - c * e) / denom, 0.0), 1.0) if denom > 1e-9 else 0.0
    t = (b * s + f) / e
    if t < 0.0:
        t, s = 0.0, min(max(-c / a, 0.0), 1.0)
    elif t > 1.0:
        t, s = 1.0, min(max((b - c) / a, 0.0), 1.0)
    dx, dy, dz = wx + s * ux - t * vx, wy + s * uy - t * vy, wz + s * uz - t * vz
    return s, t, math.sqrt(dx * dx + dy * dy + dz * dz)


@njit(**JIT)
def _row(points: np.ndarray, k: int) -> tuple[float, float, float]:
    return points[k, 0], points[k, 1], points[k, 2]


@njit(**JIT)
def _capsule(
    joints: np.ndarray, r: np.ndarray, f: int, i: int
) -> tuple[tuple[float, float, float], tuple[float, float, float], float, float]:
    """Ends and radii of phalanx i (1..3) of finger f; of a proximal one, the outer half."""
    p = 4 * f + 1 + i
    a, b, rb = _row(joints, p - 1), _row(joints, p), r[12 + 4 * f + i - 1]
    if i > 1:
        return a, b, r[12 + 4 * f + i - 2], rb
    return (0.5 * (a[0] + b[0]), 0.5 * (a[1] + b[1]), 0.5 * (a[2] + b[2])), b, rb, rb


@njit(**JIT)
def penetration(joints: np.ndarray, subject: Subject) -> float:
    """Depth (mm) of the worst overlap of two bones that are not neighbours, of joints (21, 3), palm frame, mm.

    Negative without overlap.

    Bones are tapered capsules: metacarpals, and the phalanges of different fingers. Neighbouring proximal ones share
    skin (the webs), so only their outer halves count.
    """
    r = subject.radii
    worst = -1e9
    for p in range(2, 21):
        f, i = (p - 1) // 4, (p - 1) % 4
        if i == 0 or (f == 0 and i == 1):
            continue
        a, b, ra, rb = _capsule(joints, r, f, i)
        for q in range(2, 4 * f + 1):
            g, k = (q - 1) // 4, (q - 1) % 4
            if k == 0 or (g == 0 and k == 1):
                continue
            c, d, rc, rd = _capsule(joints, r, g, k)
            s, t, dist = _closest(a, b, c, d)
            worst = max(worst, ra + s * (rb - ra) + rc + t * (rd - rc) - dist)
        for g in range(1, 5):
            if i > 1 and not (f == 0 and i == 2 and g == 1):
                s, t, dist = _closest(a, b, (0.0, 0.0, 0.0), _row(joints, 4 * g + 1))
                worst = max(worst, ra + s * (rb - ra) + r[0] + t * (r[4 + g] - r[0]) - dist)
    return worst


@njit(**JIT)
def _draw_finger(angles: np.ndarray, f: int, u: np.ndarray, curl: float, spread: float) -> None:
    """Set one finger (0 index .. 3 little) from its closure: DIP follows PIP at 2/3, MCP varies independently."""
    a = 8 + 4 * f
    angles[a] = LOW[a] + (HIGH[a] - LOW[a]) * (0.5 + 0.5 * spread) + 0.06 * (u[0] - 0.5)
    angles[a] *= 1.0 - 0.85 * min(max(curl, 0.0), 1.0)
    angles[a + 1] = math.radians(-14.0 + 98.0 * curl + 30.0 * (u[1] - 0.5))
    angles[a + 2] = math.radians(2.0 + 96.0 * curl + 24.0 * (u[2] - 0.5))
    angles[a + 3] = max(angles[a + 2], 0.0) * (0.55 + 0.25 * u[3]) + 0.08 * (u[3] - 0.5)


@njit(**JIT)
def _draw_pose(family: float, u: np.ndarray, angles: np.ndarray, calm: float) -> None:
    """One attempt at a pose: a family (free, relaxed, fist, counting, pinch, spread or flat) and its synergies.

    ``family`` in [0, 1) selects the family; ``calm`` shrinks the variation towards the relaxed hand, in [0, 1].
    """
    angles[0] = math.radians(-60.0 + 125.0 * (0.5 * (u[1] + u[2])))
    angles[1] = math.radians(-18.0 + 46.0 * (0.5 * (u[3] + u[4])))
    spread, curl, tilt = 2.0 * u[5] - 1.0, u[6], 0.5 * (u[7] - 0.5)
    angles[3] = math.radians(8.0 + 46.0 * u[8])
    angles[4] = math.radians(2.0 + 44.0 * u[9])
    angles[5] = math.radians(16.0 * (u[10] - 0.5))
    angles[6] = math.radians(-4.0 + 40.0 * u[11] * u[11])
    angles[7] = math.radians(-8.0 + 62.0 * u[12] * u[12])
    if family < 0.16:
        curl, spread, tilt = 0.22 + 0.2 * curl, 0.3 * spread, 0.25 * u[7]
    elif family < 0.26:
        curl, spread, tilt = 0.90 + 0.1 * curl, 0.0, 0.0
        for k in range(5):
            angles[3 + k] = FIST_THUMB[k] + 0.12 * (u[8 + k] - 0.5)
    elif family < 0.36:
        curl, spread, tilt = 0.03 + 0.12 * curl, 0.4 + 0.6 * u[5], 0.05
        angles[3], angles[4] = math.radians(38.0 + 18.0 * u[8]), math.radians(0.0 + 25.0 * u[9])
    elif family < 0.44:
        curl, spread, tilt = 0.08 + 0.1 * curl, -0.5 + 0.4 * u[5], 0.0
    for f in range(4):
        mine = curl + tilt * (f - 1.5) / 1.5
        if 0.6 < family < 0.8:
            mine = 0.05 + 0.15 * curl if u[28 + f] < 0.5 else 0.85 + 0.15 * curl
        elif family >= 0.88:
            mine = 0.04 + 0.3 * curl + 0.1 * (u[28 + f] - 0.5)
        elif family >= 0.44:
            mine += 0.35 * (u[28 + f] - 0.5)
        _draw_finger(angles, f, u[13 + 3 * f : 17 + 3 * f], mine, spread)
    if family >= 0.88:
        who = int(u[27] * 3.999)
        angles[3:8] = PINCH[who, :5]
        angles[8 + 4 * who : 12 + 4 * who] = PINCH[who, 5:]
    mean = 0.25 * (angles[9] + angles[13] + angles[17] + angles[21])
    angles[2] = math.radians(11.0) * min(max(mean / 1.5, 0.0), 1.0)
    for k in range(3, NUM_ANGLES):
        angles[k] = angles[k] * (1.0 - calm) + RELAXED[k] * calm
    for k in range(NUM_ANGLES):
        angles[k] = min(max(angles[k], LOW[k]), HIGH[k])


@njit(**JIT)
def sample_pose(u: np.ndarray, subject: Subject, angles: np.ndarray, joints: np.ndarray, frames: np.ndarray) -> float:
    """Draw a pose without interpenetration, by rejection; the last attempts approach the relaxed hand.

    Args:
        u: (ATTEMPTS * UNIFORMS,) uniform deviates.
        subject: The subject.
        angles: (24,) output, radians.
        joints: (21, 3) output, palm frame, mm.
        frames: (23, 3, 3) output; see :func:`forward_kinematics`.

    Returns:
        Remaining penetration, mm.
    """
    depth = 0.0
    for attempt in range(ATTEMPTS):
        calm = max(0.0, (attempt - 6) / (ATTEMPTS - 7))
        family = u[0] if attempt < 9 else u[attempt * UNIFORMS]
        _draw_pose(family, u[attempt * UNIFORMS : (attempt + 1) * UNIFORMS], angles, calm)
        forward_kinematics(angles, subject, joints, frames)
        depth = penetration(joints, subject)
        if depth <= COMPRESSION:
            break
    return depth
