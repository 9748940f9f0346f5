"""Camera model from linear light to an 8-bit image: blur, noise, tone curve, JPEG."""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np

from handkd.compiling import njit

from .renderer import JIT

LEVELS = 2048

BLUR_U, NOISE_U, OFFSET_U, JPEG_U, QUALITY_U, SCENE_U = range(6)
"""Uniform deviates of a sample's camera: blur, noise, offset in the table of noise, JPEG, its quality, and the
background scene."""


@lru_cache(maxsize=1)
def sensor_tables() -> tuple[np.ndarray, np.ndarray]:
    """Unit normal deviates (2**17,) float32 for camera noise, and the tone curve (LEVELS,) uint8 over sqrt(linear)."""
    rng = np.random.Generator(np.random.PCG64(21))
    linear = (np.arange(LEVELS) / (LEVELS - 1)) ** 2
    display = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return rng.standard_normal(1 << 17).astype(np.float32), np.round(display * 255).astype(np.uint8)


@njit(**JIT)
def _blur_rows(src: np.ndarray, out: np.ndarray, side: float, far: float) -> None:
    """Out = 5-tap symmetric filter along the rows of an image (H, W * 3), float32; edges repeat."""
    height, width = src.shape
    centre = np.float32(1.0 - 2.0 * side - 2.0 * far)
    near, outer = np.float32(side), np.float32(far)
    for row in range(height):
        s, o = src[row], out[row]
        for i in range(6):
            for k in (i, width - 6 + i):
                c = k % 3
                top = width - 3 + c
                o[k] = (
                    centre * s[k]
                    + near * (s[max(k - 3, c)] + s[min(k + 3, top)])
                    + outer * (s[max(k - 6, c)] + s[min(k + 6, top)])
                )
        for i in range(width - 12):
            o[i + 6] = centre * s[i + 6] + near * (s[i + 3] + s[i + 9]) + outer * (s[i] + s[i + 12])


@njit(**JIT)
def _blur_columns(src: np.ndarray, out: np.ndarray, side: float, far: float) -> None:
    """Like :func:`_blur_rows` along the columns."""
    height = src.shape[0]
    centre = np.float32(1.0 - 2.0 * side - 2.0 * far)
    near, outer = np.float32(side), np.float32(far)
    for row in range(height):
        s, o = src[row], out[row]
        a, b = src[max(row - 1, 0)], src[min(row + 1, height - 1)]
        c, d = src[max(row - 2, 0)], src[min(row + 2, height - 1)]
        for i in range(s.shape[0]):
            o[i] = centre * s[i] + near * (a[i] + b[i]) + outer * (c[i] + d[i])


@njit(**JIT)
def expose(
    light: np.ndarray,
    scratch: np.ndarray,
    sigma: float,
    noise: float,
    offset: int,
    deviates: np.ndarray,
    curve: np.ndarray,
    out: np.ndarray,
) -> None:
    """Blur linear light (the lens), add shot and read noise, and map it to 8 bits.

    Args:
        light: (H, W * 3) float32 linear light of the image; overwritten.
        scratch: Buffer of the same shape.
        sigma: Standard deviation of the blur, px (0.3 to 1.2: five taps are enough).
        noise: Standard deviation of the noise at white, in [0, 1].
        offset: First index in the table of deviates.
        deviates, curve: :func:`sensor_tables`.
        out: (H, W * 3) uint8 output.
    """
    a, b = math.exp(-0.5 / (sigma * sigma)), math.exp(-2.0 / (sigma * sigma))
    total = 1.0 + 2.0 * a + 2.0 * b
    _blur_rows(light, scratch, a / total, b / total)
    _blur_columns(scratch, light, a / total, b / total)
    width = light.shape[1]
    amount = np.float32(noise)
    for row in range(light.shape[0]):
        start = (offset + row * 40503) % (deviates.shape[0] - width)
        s, n, o = light[row], deviates[start : start + width], out[row]
        for i in range(width):
            v = math.sqrt(max(s[i], np.float32(0.0))) + amount * n[i]
            o[i] = curve[int(min(max(v, np.float32(0.0)), np.float32(1.0)) * np.float32(LEVELS - 1))]


def jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    """Return an image (H, W, 3), uint8, BGR, after JPEG compression of the given quality."""
    ok, data = cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not ok:
        raise RuntimeError('OpenCV could not encode a JPEG image')
    return cv2.imdecode(data, cv2.IMREAD_COLOR)
