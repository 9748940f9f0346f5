"""Appearance of skin: tones over the whole human range, mottling, creases, knuckles and nails."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from handkd.compiling import njit

from .renderer import JIT

TONES = (
    np.array(
        [
            [204, 220, 248], [182, 204, 241], [160, 188, 232], [134, 166, 216], [106, 140, 193],
            [80, 111, 164], [60, 85, 130], [48, 64, 98], [38, 48, 72], [32, 38, 54],
        ]
    ) / 255.0
) ** 2.2  # fmt: skip
"""Skin of the back of the hand from the lightest to the darkest, linear BGR; spaced like the Monk skin tone scale."""

TABLE = 256
"""Side of the tileable noise table."""


@lru_cache(maxsize=1)
def noise_table() -> np.ndarray:
    """(TABLE, TABLE) float32 tileable noise with spectrum 1/f, zero mean, unit deviation: shared by all skins."""
    rng = np.random.Generator(np.random.PCG64(20))
    fy = np.fft.fftfreq(TABLE)[:, None]
    fx = np.fft.rfftfreq(TABLE)[None]
    spectrum = np.fft.rfft2(rng.standard_normal((TABLE, TABLE))) / (np.hypot(fy, fx) + 0.01) ** 1.1
    noise = np.fft.irfft2(spectrum, (TABLE, TABLE))
    return ((noise - noise.mean()) / noise.std()).astype(np.float32)


class Skin(NamedTuple):
    """A subject's skin at one image scale, as plain numbers and linear BGR triples: no array access per pixel."""

    back: tuple
    """Back of the hand."""
    palm: tuple
    flush: tuple
    """Knuckles and fingertips."""
    crease: tuple
    nail: tuple
    thin: float
    """One over the half-width of a drawn line, 1/mm."""
    strength: float
    """Weight of drawn lines; they fade where a pixel is coarser than they are."""
    mottle: float
    painted: bool
    """Whether the nails are painted."""
    nail_length: float
    vein: float
    lines: bool
    """Whether the palm's lines are visible at this scale."""


@njit(**JIT)
def make_skin(skin: np.ndarray, mm_per_px: float) -> Skin:
    """Compute a subject's skin from uniform deviates of shape (16,).

    Args:
        skin: (16,) uniform deviates: 0 melanin, 1 redness, 2 undertone, 3 palm, 4 creases, 5 mottling, 6 nail paint,
            7 nail length, 8..10 paint colour, 11 gloss, 12 veins.
        mm_per_px: Size of a pixel of the image at the hand, mm.

    Returns:
        A :class:`Skin`.
    """
    m = skin[0] * (TONES.shape[0] - 1.001)
    k = int(m)
    lift = (0.30 + 0.30 * skin[3]) * (0.35 + 0.65 * skin[0])
    tones = np.empty((5, 3))
    for c in range(3):
        base = TONES[k, c] + (m - k) * (TONES[k + 1, c] - TONES[k, c])
        base *= (1.0 - 0.16 * (skin[2] - 0.5), 1.0 - 0.05 * (skin[1] - 0.5), 1.0 + 0.10 * (skin[1] - 0.5))[c]
        flush = (0.80, 0.74, 1.03)[c]
        tones[0, c] = base
        tones[1, c] = base + max((0.30, 0.37, 0.66)[c] - base, -0.12 * base) * lift
        tones[2, c] = base * (flush + (1.0 - flush) * 0.5 * skin[0])
        tones[3, c] = base * (0.50, 0.46, 0.62)[c]
        tones[4, c] = base * 0.55 + (0.42, 0.40, 0.62)[c] * 0.45
        if skin[6] < 0.1:
            tones[4, c] = 0.04 + 0.8 * skin[8 + c] ** 2
    return Skin(
        _tone(tones, 0), _tone(tones, 1), _tone(tones, 2), _tone(tones, 3), _tone(tones, 4),
        1.0 / (1.5 + 0.9 * mm_per_px), (0.45 + 0.5 * skin[4]) * min(1.6 / (mm_per_px + 0.6), 1.0),
        0.015 + 0.035 * skin[5], skin[6] < 0.1, skin[7], skin[12],
        mm_per_px < 2.5,
    )  # fmt: skip


@njit(**JIT)
def _tone(tones: np.ndarray, k: int) -> tuple[float, float, float]:
    return tones[k, 0], tones[k, 1], tones[k, 2]


@njit(**JIT)
def _bump(x: float, inverse_width: float) -> float:
    """Bell-shaped function: 1 at 0, 0 from +-1 / inverse_width on."""
    q = x * inverse_width
    q = max(1.0 - q * q, 0.0)
    return q * q


@njit(**JIT)
def _ramp(x: float, low: float, inverse_width: float) -> float:
    """Smooth step from 0 at ``low`` to 1 at ``low + 1 / inverse_width``."""
    t = min(max((x - low) * inverse_width, 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


@njit(**JIT)
def _mix(a: tuple[float, float, float], b: tuple[float, float, float], t: float) -> tuple[float, float, float]:
    return a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t


@njit(**JIT)
def finger_skin(
    part: int, x: float, y: float, palmar: float, length: float, radius: float, skin: Skin, fine: float
) -> tuple[float, float, float, float]:
    """Albedo and gloss of a point on a finger.

    Args:
        part: 2..20.
        x, y: Lateral position and position along the bone, mm.
        palmar: Palmar component of the normal: 1 palm's side, -1 back.
        length, radius: Of the bone, mm.
        skin: A :class:`Skin`.
        fine: A sample of the noise table, which distorts the lines.

    Returns:
        (b, g, r, gloss), linear.
    """
    inner = _ramp(palmar, -0.35, 1.25)
    a = _mix(skin.back, skin.palm, inner)
    joint, end = (part - 1) % 4, part % 4 == 0
    thin = skin.thin
    flush, crease = 0.0, 0.0
    if end:
        flush = _ramp(y, 0.35 * length, 0.1) * (0.3 + 0.4 * inner)
    near = y if y < 0.5 * length else y - length
    if abs(near) < 9.0 and not (end and y > 0.5 * length) and not (joint == 1 and y < 0.5 * length):
        if palmar < 0.2:
            flush = max(flush, 0.55 * _bump(near, 0.11) * (0.2 - palmar))
        if palmar > -0.2:  # flexion creases on the palm's side
            crease = _bump(near + 0.6 * fine, thin) + 0.4 * _bump(near - 2.8, thin)
            crease = 0.8 * min(crease, 1.0) * _ramp(palmar, -0.2, 2.0)
        else:  # wrinkles over the knuckles on the back
            crease = _bump(near - 2.2, thin) + _bump(near + 2.5, thin) + 0.8 * _bump(near + 0.2 + 0.6 * fine, thin)
            crease = 0.6 * min(crease, 1.0)
    a = _mix(a, skin.flush, min(flush, 1.0))
    a = _mix(a, skin.crease, crease * skin.strength)
    if end and palmar < -0.1 and y > 0.2 * length:
        return _nail(a, x, y, length, radius, skin)
    return a[0], a[1], a[2], 0.5 + 0.5 * inner


@njit(**JIT)
def _nail(
    a: tuple[float, float, float], x: float, y: float, length: float, radius: float, skin: Skin
) -> tuple[float, float, float, float]:
    """Blend the nail plate over the skin of a fingertip's back: superellipse, moon, free edge, dark fold around it."""
    u, v = x / (0.78 * radius), (y - 0.66 * length - 1.2) / (0.34 * length)
    e = u * u * u * u + v * v * v * v
    plate = 1.0 - _ramp(e, 0.6, 1.25)
    fold = 0.4 * _bump(e - 1.35, 1.6)
    nail = skin.nail
    if not skin.painted:
        edge = max(_ramp(v, 0.80 - 0.25 * skin.nail_length, 5.0), 0.45 * _ramp(-v, 0.55, 3.0))
        nail = _mix(nail, (0.50, 0.58, 0.66), 0.5 * edge)
    a = _mix(a, (a[0] * 0.4, a[1] * 0.4, a[2] * 0.5), fold)
    a = _mix(a, nail, plate)
    return a[0], a[1], a[2], 0.7 + 2.0 * plate


@njit(**JIT)
def palm_skin(
    x: float, y: float, palmar: float, scale: float, skin: Skin, fine: float
) -> tuple[float, float, float, float]:
    """Albedo and gloss of a point on the palm, the back of the hand or the forearm; arguments as :func:`finger_skin`.

    ``scale`` is the reference hand's size over the subject's; x, y are in the palm's or forearm's frame, mm.
    """
    inner = _ramp(palmar, -0.3, 1.4)
    a = _mix(skin.back, skin.palm, inner * _ramp(y, -45.0, 0.025))
    x, y = x * scale, y * scale
    thin = skin.thin
    crease = 0.0
    if palmar > 0.0 and y > 0.0 and skin.lines:
        w = 2.0 * fine
        heart = _bump(y - 71.0 - 0.012 * (x + 4.0) * (x + 4.0) + w * 0.5, thin) * _ramp(14.0 - x, 0.0, 0.12)
        dx, dy = x - 32.0, y - 28.0
        life = (
            _bump((dx * dx + dy * dy) * (0.5 / 35.0) - 17.5 + w * 0.4, thin)
            * _ramp(24.0 - x, 0.0, 0.2)
            * _ramp(y, 2.0, 0.07)
        )
        head = (
            _bump(y - 58.0 - 0.35 * x + 0.004 * x * x + w * 0.5, thin)
            * _ramp(26.0 - x, 0.0, 0.12)
            * _ramp(x + 24.0, 0.0, 0.12)
        )
        crease = 0.75 * min(heart + life + 0.8 * head, 1.0) * _ramp(palmar, 0.1, 2.0)
        rosy = 0.4 * (_bump(x - 22.0, 0.04) * _bump(y - 32.0, 0.03) + _bump(x + 28.0, 0.05) * _bump(y - 45.0, 0.02))
        a = _mix(a, skin.flush, rosy * palmar)
    elif y > 65.0:
        knuckle = _bump(x - 26.0, 0.1) + _bump(x - 4.5, 0.1) + _bump(x + 15.5, 0.1) + _bump(x + 32.0, 0.1)
        a = _mix(a, skin.flush, 0.7 * knuckle * _bump(y - 87.0, 0.055))
    elif y > 10.0:
        vein = x - 8.0 - 0.25 * y + 4.0 * fine if x > -6.0 else x + 16.0 + 0.12 * y + 4.0 * fine
        crease = 0.25 * skin.vein * _bump(vein, 0.6 * thin) * _ramp(-palmar, 0.2, 2.5) * _ramp(y, 15.0, 0.07)
    else:
        crease = 0.5 * (_bump(y - 1.0 + fine, thin) + 0.6 * _bump(y + 5.0 - fine, thin)) * inner
    a = _mix(a, skin.crease, crease * skin.strength)
    return a[0], a[1], a[2], 0.5 + 0.4 * inner
