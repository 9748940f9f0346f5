"""Smooth motion of a hand through the rig, from one pose and position to the next."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from handkd.geometry import axis_angle_to_matrix

from ..anatomy import NUM_FRAMES, Subject
from ..pose import ATTEMPTS, COMPRESSION, NUM_ANGLES, RELAXED, UNIFORMS, forward_kinematics, penetration, sample_pose

REACH = 120.0
"""Largest distance (mm) of the middle finger's MCP joint from the middle of the rig along each axis."""
TILT = np.radians(45.0)
"""Largest tilt of the palm's long axis from upright about each horizontal axis, radians."""
TURN = np.radians(60.0)
"""Largest rotation of the palm about the vertical, from facing the middle of the cameras' arc, radians."""
_UPRIGHT = np.array([[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, -1.0]])
"""Palm axes (lateral, along, palmar) in the rig: the fingers point up, against y."""
_CHECKS = np.linspace(0.0, 1.0, 9)[1:-1]
_DETOURS = (0.0, 0.25, 0.5, 0.75, 1.0)


class Posture(NamedTuple):
    """A hand in the rig.

    Attributes:
        angles: (24,) radians, see :data:`handkd.studio.pose.ANGLES`.
        rotation: (3, 3) palm frame to the rig's axes.
        place: (3,) position of the middle finger's MCP joint, mm, world.
    """

    angles: np.ndarray
    rotation: np.ndarray
    place: np.ndarray


class _Key(NamedTuple):
    angles: np.ndarray
    """(24,) radians."""
    where: np.ndarray
    """(6,): rotation about the vertical, tilt about x and z (radians), position (mm)."""


class Motion:
    """Motion of one hand through one sequence, with random access to frames.

    It rests briefly in random poses, ``pace`` frames apart, and moves from one to the next by the polynomial
    6 t^5 - 15 t^4 + 10 t^3, of minimum jerk (Flash and Hogan, "The coordination of arm movements", 1985).
    If fingers would pass through each other between two poses, the hand relaxes half way, as
    much as needed.

    Args:
        seed: Numbers that identify the sequence.
        subject: The subject.
        pace: Frames from one pose to the next.
    """

    def __init__(self, seed: tuple[int, ...], subject: Subject, pace: int) -> None:
        self.seed, self.subject, self.pace = seed, subject, pace
        self._key = lru_cache(maxsize=64)(self._draw_key)
        self._detour = lru_cache(maxsize=64)(self._find_detour)

    def at(self, frame: int) -> Posture:
        """Return the hand in a frame, from 0 on."""
        number, step = divmod(frame, self.pace)
        t = step / self.pace
        angles = self._angles(number, t, self._detour(number))
        now = _ease(t)
        where = (1 - now) * self._key(number).where + now * self._key(number + 1).where
        lean = axis_angle_to_matrix(np.array([where[1], 0.0, where[2]]))
        turn = axis_angle_to_matrix(np.array([0.0, where[0], 0.0]))
        return Posture(angles, lean @ turn @ _UPRIGHT, where[3:])

    def _angles(self, number: int, t: float, detour: float) -> np.ndarray:
        """Angles (24,) between pose ``number`` and the next, at t in [0, 1]."""
        now = _ease(t)
        angles = (1 - now) * self._key(number).angles + now * self._key(number + 1).angles
        aside = detour * 16.0 * (t * (1 - t)) ** 2  # 1 half way; flat at both ends
        return (1 - aside) * angles + aside * RELAXED

    def _draw_key(self, number: int) -> _Key:
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence((*self.seed, number))))
        angles, joints, frames = np.zeros(NUM_ANGLES), np.zeros((21, 3)), np.zeros((NUM_FRAMES, 3, 3))
        sample_pose(rng.random(ATTEMPTS * UNIFORMS), self.subject, angles, joints, frames)
        u = 2 * rng.random(6) - 1
        return _Key(angles, np.concatenate([[TURN * u[0]], TILT * u[1:3], REACH * u[3:]]))

    def _find_detour(self, number: int) -> float:
        """Share of relaxation between a pose and the next: the least that keeps the fingers apart."""
        depths = []
        for detour in _DETOURS:
            depths.append(max(self._penetration(self._angles(number, t, detour)) for t in _CHECKS))
            if depths[-1] <= COMPRESSION:
                return detour
        return _DETOURS[int(np.argmin(depths))]

    def _penetration(self, angles: np.ndarray) -> float:
        joints, frames = np.zeros((21, 3)), np.zeros((NUM_FRAMES, 3, 3))
        forward_kinematics(angles, self.subject, joints, frames)
        return penetration(joints, self.subject)


def _ease(t: float) -> float:
    """Position at time t, both in [0, 1]: starts and ends without speed or acceleration."""
    return t**3 * (10 + t * (6 * t - 15))
