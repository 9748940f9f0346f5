"""Look of a sample: light, colours and background, drawn from uniform deviates.

A look is an array of shape (16, 4), float64, for compiled code; the constants below name its rows and entries.
"""

from __future__ import annotations

import math

import numpy as np

from handkd.compiling import njit

from .anatomy import Subject
from .renderer import JIT
from .scene import Scene

LOOK_SHAPE = (16, 4)
LIGHT = 0
"""Row: direction to the light, unit vector, camera axes."""
KEY, SKY, GROUND, WALL, CLOTH, THING, FLAT, GAIN = range(3, 11)
"""Rows: linear BGR colours of light, sky, ground, wall, cloth, thing and plain wall, and the gain of the camera."""
WALL_DISTANCE, WALL_IS_NEAR = (1, 0), (1, 1)
"""Entries: distance of the wall, mm, and 1 if the hand's shadow may fall on it, else 0."""
GRAIN_X, GRAIN_Y = (1, 2), (1, 3)
"""Entries: offset in the noise table of skin and cloth."""
TURN, ZOOM, ACROSS, DOWN = (2, 0), (2, 1), (2, 2), (2, 3)
"""Entries: rotation (radians), zoom and position ([0, 1]) of the image's part of the background scene."""
WALL_BRIGHTNESS, CLOTH_STRIPES, THING_GLOSS, IS_PLAIN = (WALL, 3), (CLOTH, 3), (THING, 3), (FLAT, 3)
"""Entries: brightness of the background; period of the sleeve's stripes, if below 0.3; gloss of objects; 1 for a plain
wall instead of a scene, else 0."""

NUM_LOOK_UNIFORMS = 64
"""Number of uniform deviates for the look of one sample, of which the first 40 are in use."""
_LIGHT_X_U, _LIGHT_Y_U, _LIGHT_Z_U = 0, 1, 2
_WALL_IS_NEAR_U, _WALL_GAP_U = 3, 4
_GRAIN_X_U, _GRAIN_Y_U = 5, 6
_TURN_U, _TURNS_FREELY_U, _ZOOM_U, _ACROSS_U, _DOWN_U = 7, 8, 9, 10, 11
_AMBIENT_U, _WARM_U, _COOL_U, _GAIN_1_U, _GAIN_2_U, _GROUND_U = 12, 13, 14, 15, 16, 17
_WALL_TINT_U = 18  # to 20: one for each channel, as for all tints
_CLOTH_U, _CLOTH_TINT_U = 21, 22
_THING_U, _THING_TINT_U = 25, 26
_FLAT_U, _FLAT_TINT_U = 29, 30
_GAIN_TINT_U = 33
_IS_PLAIN_U, _STRIPES_U, _GLOSS_U, _BRIGHTNESS_U = 36, 37, 38, 39
BACKGROUND_UNIFORMS = (
    _TURN_U, _TURNS_FREELY_U, _ZOOM_U, _ACROSS_U, _DOWN_U, *range(_WALL_TINT_U, _WALL_TINT_U + 3),
    _FLAT_U, *range(_FLAT_TINT_U, _FLAT_TINT_U + 3), _IS_PLAIN_U, _BRIGHTNESS_U,
)  # fmt: skip
"""Deviates of the background: its rotation, zoom, position, tint and kind."""


@njit(**JIT)
def draw_look(v: np.ndarray, vary: float, plain: float, scene: Scene, subject: Subject, look: np.ndarray) -> None:
    """Draw light and colours.

    Args:
        v: (NUM_LOOK_UNIFORMS,) uniform deviates.
        vary: Deviation of light and colour from a neutral studio, [0, 1].
        plain: Probability of a plain background.
        scene: The hand, in camera axes, mm.
        subject: The subject: a camera exposes darker skin longer.
        look: (16, 4) output; rows and entries as named above.
    """
    x, y, z = 2.0 * v[_LIGHT_X_U] - 1.0, -0.25 - 1.0 * v[_LIGHT_Y_U], -0.9 * v[_LIGHT_Z_U] - 0.15
    x, y, z = x * vary - 0.35 * (1 - vary), y * vary - 0.55 * (1 - vary), z * vary - 0.75 * (1 - vary)
    n = math.sqrt(x * x + y * y + z * z)
    look[LIGHT, 0], look[LIGHT, 1], look[LIGHT, 2] = x / n, y / n, z / n
    far = scene.joints[0, 2]
    for j in range(21):
        far = max(far, scene.joints[j, 2])
    near_wall = v[_WALL_IS_NEAR_U] < 0.65
    look[WALL_DISTANCE] = far + 15.0 + (160.0 * v[_WALL_GAP_U] * v[_WALL_GAP_U] if near_wall else 2000.0)
    look[WALL_IS_NEAR] = 1.0 if near_wall else 0.0
    look[GRAIN_X], look[GRAIN_Y] = 256.0 * v[_GRAIN_X_U], 256.0 * v[_GRAIN_Y_U]
    look[TURN] = 2.0 * math.pi * v[_TURN_U] if v[_TURNS_FREELY_U] < 0.3 else 0.5 * (v[_TURN_U] - 0.5)
    look[ZOOM], look[ACROSS], look[DOWN] = 0.35 + 0.6 * v[_ZOOM_U], v[_ACROSS_U], v[_DOWN_U]
    ambient = 0.22 + 0.5 * v[_AMBIENT_U] * vary
    warm = (v[_WARM_U] - 0.5) * vary
    cool = (v[_COOL_U] - 0.5) * vary
    gain = (0.85 + 0.4 * subject.skin[0]) * math.exp(0.55 * vary * (v[_GAIN_1_U] + v[_GAIN_2_U] - 1.15))
    for c in range(3):
        tilt = (c - 1.0) * 0.35
        look[KEY, c] = (1.0 - ambient) * (1.15 + tilt * warm)
        look[SKY, c] = ambient * 1.25 * (1.0 + tilt * cool)
        look[GROUND, c] = ambient * (0.55 + 0.3 * tilt) * (0.75 + 0.5 * v[_GROUND_U])
        look[WALL, c] = 1.0 + 0.5 * vary * (v[_WALL_TINT_U + c] - 0.5)
        look[CLOTH, c] = (0.02 + 0.7 * v[_CLOTH_U] * v[_CLOTH_U]) * (0.55 + 0.9 * v[_CLOTH_TINT_U + c])
        look[THING, c] = (0.03 + 0.7 * v[_THING_U] * v[_THING_U]) * (0.4 + 1.2 * v[_THING_TINT_U + c])
        look[FLAT, c] = (0.08 + 0.8 * v[_FLAT_U]) * (0.75 + 0.5 * v[_FLAT_TINT_U + c])
        look[GAIN, c] = gain * (1.0 + 0.18 * vary * (v[_GAIN_TINT_U + c] - 0.5))
    look[IS_PLAIN] = 1.0 if v[_IS_PLAIN_U] < plain else 0.0
    look[CLOTH_STRIPES], look[THING_GLOSS] = v[_STRIPES_U], v[_GLOSS_U]
    look[WALL_BRIGHTNESS] = 0.6 + 0.8 * v[_BRIGHTNESS_U] * v[_BRIGHTNESS_U] * vary + 0.2 * (1 - vary)
