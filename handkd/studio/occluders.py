"""Objects besides the hand: a sleeve on the forearm, a stick in the fist, and a stick or box in front of the hand."""

from __future__ import annotations

import math

import numpy as np

from handkd.compiling import njit

from .anatomy import SPHERE_INDEX, SPHERES, Subject
from .body import CONES, FACES, KIND_OBJECT, KIND_SLEEVE, KINDS
from .renderer import JIT

_S = len(SPHERES)
_SLEEVE, _STICK, _BOX = _S, _S + 6, _S + 8
NUM_SPHERES = _S + 16
"""Number of spheres of body and objects; those of an absent object have radius -1 and are not drawn."""

UPPER_ARMS = (SPHERE_INDEX['upper_arm'], _SLEEVE + 5)
"""Spheres of the bare and the sleeved upper arm: they keep the arm's end out of the image and cast no shadow."""

_BOX_FACES = (
    (0, 1, 3), (0, 3, 2), (4, 5, 7), (4, 7, 6), (0, 1, 5), (0, 5, 4),
    (2, 3, 7), (2, 7, 6), (0, 2, 6), (0, 6, 4), (1, 3, 7), (1, 7, 5),
)  # fmt: skip
ALL_CONES = np.concatenate([
    CONES,
    [(_SLEEVE, _SLEEVE + 2, 0, 1), (_SLEEVE + 1, _SLEEVE + 3, 0, 1), (_SLEEVE + 2, _SLEEVE + 4, 0, 0),
     (_SLEEVE + 3, _SLEEVE + 4, 0, 1), (_SLEEVE + 5, _SLEEVE + 4, 1, 0), (_SLEEVE + 1, _SLEEVE + 2, 0, 0),
     (_STICK, _STICK + 1, 1, 1)],
]).astype(np.int64)  # fmt: skip
"""(C, 4) cones of body and objects."""
ALL_FACES = np.concatenate([
    FACES,
    [(_SLEEVE + k, _SLEEVE + k + 1, _SLEEVE + k + 2) for k in range(3)],
    [(_BOX + a, _BOX + b, _BOX + c) for a, b, c in _BOX_FACES],
]).astype(np.int64)  # fmt: skip
"""(F, 3) faces of body and objects."""
ALL_KINDS = np.concatenate([
    KINDS[: len(CONES)], [KIND_SLEEVE] * 6, [KIND_OBJECT], KINDS[len(CONES) :], [KIND_SLEEVE] * 3, [KIND_OBJECT] * 12,
]).astype(np.uint8)  # fmt: skip
"""(C + F,) kind of each primitive of body and objects."""

_WRIST_R, _WRIST_U = SPHERE_INDEX['forearm_wrist_radial'], SPHERE_INDEX['forearm_wrist_ulnar']
_FORE_R, _FORE_U = SPHERE_INDEX['forearm_radial'], SPHERE_INDEX['forearm_ulnar']
_ELBOW = SPHERE_INDEX['elbow']


@njit(**JIT)
def _between(spheres: np.ndarray, a: int, b: int, t: float, widen: float, out: int) -> None:
    for i in range(3):
        spheres[out, i] = spheres[a, i] + t * (spheres[b, i] - spheres[a, i])
    spheres[out, 3] = (spheres[a, 3] + t * (spheres[b, 3] - spheres[a, 3])) * 1.06 + widen


@njit(**JIT)
def _dress(spheres: np.ndarray, start: float, widen: float) -> None:
    _between(spheres, _WRIST_R, _FORE_R, start, widen, _SLEEVE)
    _between(spheres, _WRIST_U, _FORE_U, start, widen, _SLEEVE + 1)
    _between(spheres, _FORE_R, _FORE_R, 0.0, widen + 2.0, _SLEEVE + 2)
    _between(spheres, _FORE_U, _FORE_U, 0.0, widen + 2.0, _SLEEVE + 3)
    _between(spheres, _ELBOW, _ELBOW, 0.0, widen + 3.0, _SLEEVE + 4)
    _between(spheres, UPPER_ARMS[0], UPPER_ARMS[0], 0.0, widen + 5.0, _SLEEVE + 5)


@njit(**JIT)
def _hold_stick(v: np.ndarray, scene: tuple, subject: Subject) -> None:
    """Place a stick across the palm, under the bent fingers."""
    spheres = scene.spheres
    radius = 3.0 + 8.0 * v[0]
    knuckle = scene.palm_joints[9]
    x, y, z = knuckle[0] - 8.0, knuckle[1] * (0.78 + 0.1 * v[1]), knuckle[2] + subject.radii[6] + radius + 1.0
    tilt = 0.5 * (v[2] - 0.5)
    for end in range(2):
        far = (-1.0, 1.0)[end] * (50.0 + 150.0 * v[3 + end])
        px, py = x + far * math.cos(tilt), y + far * math.sin(tilt)
        for i in range(3):
            spheres[_STICK + end, i] = (
                scene.pose[i, 0] * px + scene.pose[i, 1] * py + scene.pose[i, 2] * z + scene.pose[i, 3]
            )
        spheres[_STICK + end, 3] = radius


@njit(**JIT)
def _front_thing(v: np.ndarray, scene: tuple) -> None:
    """Place a stick or a box between the camera and a random joint, to one side of it."""
    spheres = scene.spheres
    joint = scene.joints[1 + int(v[0] * 19.99)]
    near = scene.joints[0, 2]
    for j in range(21):
        near = min(near, scene.joints[j, 2])
    z = near - 25.0 - 60.0 * v[1]
    angle = 2.0 * math.pi * v[2]
    c, s = math.cos(angle), math.sin(angle)
    x, y = joint[0] / joint[2] * z, joint[1] / joint[2] * z
    if v[3] < 0.5:
        for end in range(2):
            far = (-250.0, 60.0 + 200.0 * v[4])[end]
            spheres[_STICK + end, 0], spheres[_STICK + end, 1] = x + far * c, y + far * s
            spheres[_STICK + end, 2], spheres[_STICK + end, 3] = z, 3.0 + 9.0 * v[5]
        return
    half_x, half_y, half_z = 12.0 + 38.0 * v[4], 12.0 + 38.0 * v[5], 5.0 + 10.0 * v[6]
    x, y = x - s * half_y * (0.5 + v[7]), y + c * half_y * (0.5 + v[7])
    lean = 0.8 * (v[8] - 0.5)
    for k in range(8):
        a, b, d = (k & 1) * 2.0 - 1.0, (k >> 1 & 1) * 2.0 - 1.0, (k >> 2) * 2.0 - 1.0
        a, b, d = a * half_x, b * half_y, d * half_z
        a, d = a * math.cos(lean) - d * math.sin(lean), a * math.sin(lean) + d * math.cos(lean)
        spheres[_BOX + k, 0], spheres[_BOX + k, 1] = x + a * c - b * s, y + a * s + b * c
        spheres[_BOX + k, 2], spheres[_BOX + k, 3] = z + d, 0.0


@njit(**JIT)
def add_things(v: np.ndarray, scene: tuple, subject: Subject, sleeve: float, stick: float, front: float) -> None:
    """Add objects to the scene's spheres.

    Args:
        v: (24,) uniform deviates in [0, 1].
        scene: A :class:`~.scene.Scene` whose hand is in front of the camera; camera axes, mm.
        subject: The subject.
        sleeve, stick, front: Probabilities of a sleeve, of a stick in a bent hand, and of an object in front.
    """
    scene.spheres[_SLEEVE:, 3] = -1.0
    if v[0] < sleeve:
        _dress(scene.spheres, 1.1 * v[1] ** 1.5 - 0.1, 2.0 + 5.0 * v[2])
    bent = 0.25 * (scene.angles[10] + scene.angles[14] + scene.angles[18] + scene.angles[22])
    if v[3] < stick and bent > 0.7:
        _hold_stick(v[8:], scene, subject)
    elif v[4] < front:
        _front_thing(v[8:], scene)
