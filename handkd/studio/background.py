"""Backgrounds: a bank of procedural scenes for each split, or the images of a user's folder.

A sample shows a scene of the bank with random rotation, zoom and tint, so a few dozen rich scenes suffice,
and drawing them costs one look-up per pixel. Scenes are stored as uint8 square roots of linear light: squaring decodes
them.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from handkd.image_files import read_image

SIZE = 256
"""Side of a scene, px."""
SCENES_PER_SPLIT = {0: 64, 1: 24, 2: 24}
"""Number of procedural scenes of the train, val and test splits."""
SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.webp')


def fractal_noise(rng: np.random.Generator, size: int, roughness: float = 0.55, coarsest: int = 2) -> np.ndarray:
    """Multi-octave value noise, (size, size) float32 in [0, 1]: each octave is a random grid, enlarged smoothly."""
    total = np.zeros((size, size), np.float32)
    cells, gain = coarsest, 1.0
    while cells <= size:
        grid = rng.random((cells + 2, cells + 2), np.float32)
        total += gain * cv2.resize(grid, (size, size), interpolation=cv2.INTER_CUBIC)
        cells, gain = cells * 2, gain * roughness
    low, high = np.percentile(total, (0.5, 99.5))
    return np.clip((total - low) / (high - low + 1e-6), 0, 1)


def _palette(rng: np.random.Generator, count: int) -> np.ndarray:
    """(count, 3) BGR colours of one mood in [0, 1]: muted, around one or two hues, of any brightness."""
    hue = (rng.random() * 180 + rng.normal(0, 22, count) + 90 * (rng.random(count) < 0.25)) % 180
    saturation = np.clip(rng.beta(1.3, 3.8, count) * 255, 0, 230)
    value = np.clip(rng.beta(1.8, 1.8, count) * 235 + 15, 0, 255)
    hsv = np.stack([hue, saturation, value], -1).astype(np.uint8)[None]
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR)[0].astype(np.float32) / 255


def _blend(a: np.ndarray, b: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return a + (b - a) * weight[..., None]


def _ramp(rng: np.random.Generator) -> np.ndarray:
    """A smooth light gradient in a random direction, (SIZE, SIZE) in [0, 1]."""
    angle = rng.random() * 2 * np.pi
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32) / SIZE - 0.5
    return np.clip(0.5 + (x * np.cos(angle) + y * np.sin(angle)) * rng.uniform(0.6, 1.3), 0, 1)


def _mottled(rng: np.random.Generator) -> np.ndarray:
    """Plaster, stone, earth: fractal noise between two colours, fine grain, a light gradient."""
    a, b = _palette(rng, 2)
    image = _blend(a, a + (b - a) * rng.uniform(0.15, 0.8), fractal_noise(rng, SIZE, rng.uniform(0.4, 0.75)))
    grain = fractal_noise(rng, SIZE, 0.95, 32) - 0.5
    return (image * (1 + rng.uniform(0, 0.35) * grain[..., None])) * (0.75 + 0.5 * _ramp(rng)[..., None])


def _wood(rng: np.random.Generator) -> np.ndarray:
    """Boards: stretched noise bent into rings, a seam and another tone for each board."""
    noise = cv2.resize(fractal_noise(rng, SIZE, 0.6, 4)[:, :32], (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
    y = np.mgrid[0:SIZE, 0:SIZE][0].astype(np.float32) / SIZE
    boards = int(rng.integers(1, 7))
    board = np.minimum((y * boards).astype(int), boards - 1)
    rings = 0.5 + 0.5 * np.sin((y * rng.uniform(8, 30) + noise * rng.uniform(3, 9) + board * 2.3) * 2 * np.pi)
    light = np.array([0.35, 0.55, 0.75], np.float32) * rng.uniform(0.35, 1.1) * rng.uniform(0.85, 1.15, 3)
    image = _blend(light * rng.uniform(0.45, 0.8), light, 0.3 + 0.4 * rings * noise + 0.3 * noise)
    image *= (0.8 + 0.4 * rng.random(boards).astype(np.float32))[board][..., None]
    seam = np.abs(y * boards - np.round(y * boards)) * SIZE / boards < 1.2
    image[seam & (boards > 1)] *= 0.4
    return image * (0.8 + 0.4 * _ramp(rng)[..., None])


def _fabric(rng: np.random.Generator) -> np.ndarray:
    """Cloth: a weave or stripes on broad folds."""
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    a, b = _palette(rng, 2)
    folds = cv2.GaussianBlur(fractal_noise(rng, SIZE, 0.45, 3), (0, 0), 4)
    warp = folds * rng.uniform(5, 40)
    period = rng.uniform(5, 26)
    stripes = (np.sin((x + warp) * 2 * np.pi / period) > rng.uniform(-0.5, 0.8)).astype(np.float32)
    if rng.random() < 0.4:
        stripes = np.maximum(stripes, np.sin((y + warp) * 2 * np.pi / period) > 0.2)
    image = _blend(a, b, cv2.GaussianBlur(stripes, (0, 0), 0.8) * rng.choice([0.0, 0.5, 1.0]))
    weave = 1 + 0.12 * np.sin(x * 2.1) * np.sin(y * 2.1)
    return image * weave[..., None] * (0.45 + 0.8 * folds[..., None])


def _foliage(rng: np.random.Generator) -> np.ndarray:
    """Leaves: layers of small ellipses from dark to light over dark noise."""
    green = np.array([rng.uniform(0.05, 0.3), rng.uniform(0.35, 0.7), rng.uniform(0.15, 0.6)])
    image = fractal_noise(rng, SIZE)[..., None] * green.astype(np.float32) * 0.5
    count = int(rng.integers(150, 500))
    for k in range(count):
        colour = green * (0.25 + 0.9 * k / count) * rng.uniform(0.6, 1.3) + rng.normal(0, 0.03, 3)
        centre = tuple(int(v) for v in rng.integers(0, SIZE, 2))
        axes = (int(rng.integers(4, 22)), int(rng.integers(2, 7)))
        colour = tuple(float(v) for v in colour)
        cv2.ellipse(image, centre, axes, float(rng.random() * 360), 0, 360, colour, -1, cv2.LINE_AA)
    return image


def _landscape(rng: np.random.Generator) -> np.ndarray:
    """Sky over ridges: each nearer ridge is darker and rougher."""
    sky = np.array([rng.uniform(0.6, 1.0), rng.uniform(0.55, 0.85), rng.uniform(0.45, 0.85)], np.float32)
    y = np.mgrid[0:SIZE, 0:SIZE][0].astype(np.float32) / SIZE
    image = _blend(sky * rng.uniform(0.5, 0.9), np.minimum(sky * 1.2, 1), y)
    image = _blend(image, np.ones(3, np.float32) * rng.uniform(0.7, 1), 0.6 * fractal_noise(rng, SIZE) ** 2)
    ground = _palette(rng, 1)[0] * np.array([0.6, 0.9, 0.8], np.float32)
    layers = int(rng.integers(2, 5))
    for k in range(layers):
        ridge = rng.uniform(0.25, 0.45) + 0.55 * k / layers + 0.22 * (fractal_noise(rng, SIZE)[0] - 0.5)
        below = y > ridge[None]
        near = (k + 1) / layers
        tint = sky * (1 - near) * 0.6 + ground * (0.35 + 0.65 * near)
        texture = 1 - 0.6 * near * fractal_noise(rng, SIZE, 0.85, 8)
        image[below] = (tint * texture[..., None])[below]
    return image


def _quad(rng: np.random.Generator, centre: np.ndarray, half: np.ndarray) -> np.ndarray:
    angle = rng.normal(0, 0.15) if rng.random() < 0.7 else rng.random() * np.pi
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half * rng.uniform(0.85, 1.15, (4, 2))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.round(corners @ turn.T + centre).astype(np.int32)


def _clutter(rng: np.random.Generator) -> np.ndarray:
    """A room or a desk: wall and table, furniture-like quads with shaded faces, round things, edges and shadows."""
    wall, floor = _palette(rng, 2)
    image = np.broadcast_to(wall, (SIZE, SIZE, 3)).copy() * (0.7 + 0.5 * _ramp(rng)[..., None])
    horizon = int(SIZE * rng.uniform(0.3, 1.1))
    image[horizon:] = floor * (0.6 + 0.5 * fractal_noise(rng, SIZE, 0.6)[horizon:, :, None])
    colours = _palette(rng, 40)
    for k in range(int(rng.integers(5, 26))):
        centre = rng.uniform(0, SIZE, 2)
        half = rng.uniform(6, 70, 2) * (1 - 0.6 * k / 26)
        layer = np.zeros((SIZE, SIZE), np.float32)
        if rng.random() < 0.65:
            cv2.fillPoly(layer, [_quad(rng, centre, half)], 1.0, cv2.LINE_AA)
        else:
            axes = tuple(int(v) for v in half * 0.6 + 2)
            cv2.ellipse(
                layer, tuple(int(v) for v in centre), axes, float(rng.random() * 180), 0, 360, 1.0, -1, cv2.LINE_AA
            )
        shadow = cv2.GaussianBlur(np.roll(layer, (6, 4), (0, 1)), (0, 0), 5)
        image = image * (1 - 0.45 * shadow[..., None])
        paint = colours[k] * (0.7 + 0.5 * _ramp(rng)[..., None])
        if rng.random() < 0.5:
            paint = paint * (0.7 + 0.6 * fractal_noise(rng, SIZE, 0.7, 4)[..., None])
        image = _blend(image, paint, layer)
    return image


def _lights(rng: np.random.Generator) -> np.ndarray:
    """Out-of-focus lights over a dark or dusky gradient."""
    a, b = _palette(rng, 2)
    image = _blend(a * 0.4, b * 0.6, _ramp(rng))
    colours = _palette(rng, 60)
    for k in range(int(rng.integers(8, 60))):
        layer = np.zeros((SIZE, SIZE), np.float32)
        cv2.circle(
            layer, tuple(int(v) for v in rng.integers(0, SIZE, 2)), int(rng.integers(3, 24)), 1.0, -1, cv2.LINE_AA
        )
        image = image + layer[..., None] * colours[k] * rng.uniform(0.1, 0.6)
    return image


_MAKERS = (_mottled, _wood, _fabric, _foliage, _landscape, _clutter, _clutter, _lights)


def encode_scene(image: np.ndarray) -> np.ndarray:
    """Convert a BGR image (H, W, 3) in [0, 1], display values, to the bank's uint8 square root of linear light."""
    return np.round(np.sqrt(np.clip(image, 0, 1) ** 2.2) * 255).astype(np.uint8)


def make_scene(rng: np.random.Generator, kind: int) -> np.ndarray:
    """Draw one procedural scene, encoded, (SIZE, SIZE, 3) uint8."""
    image = np.ascontiguousarray(_MAKERS[kind % len(_MAKERS)](rng), np.float32)
    blur = rng.choice([0.0, 0.7, 1.5, 3.5, 7.0], p=[0.25, 0.25, 0.2, 0.2, 0.1])
    if blur:
        image = cv2.GaussianBlur(image, (0, 0), blur)
    return encode_scene(image)


@lru_cache(maxsize=4)
def procedural_bank(seed: int, split_id: int) -> np.ndarray:
    """The scenes of a split, (n, SIZE, SIZE, 3) uint8: made once per process, a pure function of its arguments."""
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, split_id, 2))))
    return np.stack([make_scene(rng, k) for k in range(SCENES_PER_SPLIT[split_id])])


def list_backgrounds(folder: str, split_id: int) -> list[str]:
    """List a folder's images for one split.

    With ten files or more, every tenth goes to val and the next to test, so that splits share none; with fewer, every
    split uses all of them.

    Raises:
        FileNotFoundError: If the folder is missing or has no image.
    """
    root = Path(folder)
    files = sorted(str(p) for p in root.rglob('*') if p.suffix.lower() in SUFFIXES) if root.is_dir() else []
    if not files:
        raise FileNotFoundError(
            f'backgrounds={folder!r}: {"no image" if root.is_dir() else "no such folder"}; expected a folder of files '
            f'with suffix {", ".join(SUFFIXES)}, or backgrounds=None for procedural ones'
        )
    if len(files) < 10:
        return files
    return [name for k, name in enumerate(files) if (0 if k % 10 < 8 else k % 10 - 7) == split_id]


@lru_cache(maxsize=256)
def load_background(path: str) -> np.ndarray:
    """Read one image as a scene, (SIZE, SIZE, 3) uint8: its central square, resized and encoded.

    Raises:
        ValueError: If the file can't be read as an image; names it.
    """
    try:
        image = read_image(path)
    except OSError as error:
        raise ValueError(f'background image {error}; repair it or remove it from the folder') from error
    side = min(image.shape[:2])
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    square = image[top : top + side, left : left + side]
    return encode_scene(cv2.resize(square, (SIZE, SIZE), interpolation=cv2.INTER_AREA).astype(np.float32) / 255)
