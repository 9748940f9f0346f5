"""Colour image of a scene: light, skin, objects and background, in one pass over the pixels."""

from __future__ import annotations

import math

import numpy as np

from handkd.compiling import njit

from .anatomy import ARM_FRAME, REFERENCE_LENGTH, Subject
from .appearance import Skin, finger_skin, make_skin, palm_skin
from .body import KIND_OBJECT, KIND_SLEEVE
from .renderer import INLINE, JIT, NO_HIT
from .scene import Scene
from .shading import (
    ambient_occlusion,
    cover_map,
    covered,
    draw_shadow_map,
    light_reaching,
    light_view,
    smooth_normals,
    surface_normals,
)
from .workspace import Workspace

NUM_LOOK_UNIFORMS = 64
"""Number of uniform deviates for the look of one sample."""
_KEY, _SKY, _GROUND, _WALL, _CLOTH, _THING, _FLAT, _GAIN = range(3, 11)
"""Rows of a look: 0 direction to the light; colours of light, sky, ground, wall, cloth, thing, plain wall; gain."""


@njit(**JIT)
def draw_look(v: np.ndarray, vary: float, plain: float, scene: Scene, subject: Subject, look: np.ndarray) -> None:
    """Draw light and colours.

    Args:
        v: (NUM_LOOK_UNIFORMS,) uniform deviates.
        vary: Deviation of light and colour from a neutral studio, [0, 1].
        plain: Probability of a plain background.
        scene: The hand, in camera axes, mm.
        subject: The subject: a camera exposes darker skin longer.
        look: (16, 4) output; rows as named above, row 1 is (wall distance, wall near?, grain offset x, y), row 2 the
            rotation, zoom and position of the background.
    """
    x, y, z = 2.0 * v[0] - 1.0, -0.25 - 1.0 * v[1], -0.9 * v[2] - 0.15
    x, y, z = x * vary - 0.35 * (1 - vary), y * vary - 0.55 * (1 - vary), z * vary - 0.75 * (1 - vary)
    n = math.sqrt(x * x + y * y + z * z)
    look[0, 0], look[0, 1], look[0, 2] = x / n, y / n, z / n
    far = scene.joints[0, 2]
    for j in range(21):
        far = max(far, scene.joints[j, 2])
    near_wall = v[3] < 0.65
    look[1, 0] = far + 15.0 + (160.0 * v[4] * v[4] if near_wall else 2000.0)
    look[1, 1] = 1.0 if near_wall else 0.0
    look[1, 2], look[1, 3] = 256.0 * v[5], 256.0 * v[6]
    look[2, 0] = 2.0 * math.pi * v[7] if v[8] < 0.3 else 0.5 * (v[7] - 0.5)
    look[2, 1], look[2, 2], look[2, 3] = 0.35 + 0.6 * v[9], v[10], v[11]
    ambient = 0.22 + 0.5 * v[12] * vary
    warm = (v[13] - 0.5) * vary
    cool = (v[14] - 0.5) * vary
    gain = (0.85 + 0.4 * subject.skin[0]) * math.exp(0.55 * vary * (v[15] + v[16] - 1.15))
    for c in range(3):
        tilt = (c - 1.0) * 0.35
        look[_KEY, c] = (1.0 - ambient) * (1.15 + tilt * warm)
        look[_SKY, c] = ambient * 1.25 * (1.0 + tilt * cool)
        look[_GROUND, c] = ambient * (0.55 + 0.3 * tilt) * (0.75 + 0.5 * v[17])
        look[_WALL, c] = 1.0 + 0.5 * vary * (v[18 + c] - 0.5)
        look[_CLOTH, c] = (0.02 + 0.7 * v[21] * v[21]) * (0.55 + 0.9 * v[22 + c])
        look[_THING, c] = (0.03 + 0.7 * v[25] * v[25]) * (0.4 + 1.2 * v[26 + c])
        look[_FLAT, c] = (0.08 + 0.8 * v[29]) * (0.75 + 0.5 * v[30 + c])
        look[_GAIN, c] = gain * (1.0 + 0.18 * vary * (v[33 + c] - 0.5))
    look[_FLAT, 3] = 1.0 if v[36] < plain else 0.0
    look[_CLOTH, 3], look[_THING, 3] = v[37], v[38]
    look[_WALL, 3] = 0.6 + 0.8 * v[39] * v[39] * vary + 0.2 * (1 - vary)


@njit(**INLINE)
def _scene_pixel(bank: np.ndarray, u: float, v: float) -> tuple[float, float, float]:
    """Bilinear look-up in a scene (H, W, 3), uint8 square roots of linear light."""
    c, r = int(u), int(v)
    a, b = u - c, v - r
    w3 = a * b
    w1, w2 = a - w3, b - w3
    w0 = 1.0 - a - w2
    x = w0 * bank[r, c, 0] + w1 * bank[r, c + 1, 0] + w2 * bank[r + 1, c, 0] + w3 * bank[r + 1, c + 1, 0]
    y = w0 * bank[r, c, 1] + w1 * bank[r, c + 1, 1] + w2 * bank[r + 1, c, 1] + w3 * bank[r + 1, c + 1, 1]
    z = w0 * bank[r, c, 2] + w1 * bank[r, c + 1, 2] + w2 * bank[r + 1, c, 2] + w3 * bank[r + 1, c + 1, 2]
    k = 1.0 / 65025.0
    return x * x * k, y * y * k, z * z * k


@njit(**JIT)
def paint_background(
    bank: np.ndarray,
    look: np.ndarray,
    ids: np.ndarray,
    fx: float,
    px: float,
    py: float,
    view: np.ndarray,
    cover: np.ndarray,
    light: np.ndarray,
) -> None:
    """Fill the uncovered pixels with a rotated, zoomed and tinted scene, with the hand's shadow if it is near.

    Args:
        bank: (SIZE, SIZE, 3) uint8 scene, see :mod:`.background`.
        look: (16, 4), see :func:`draw_look`.
        ids: (H, W) primitive ids of the image.
        fx, px, py: Focal length and principal point, px.
        view: (3, 5) camera of the shadow map.
        cover: (S, S) see :func:`~.shading.cover_map`.
        light: (H, W, 3) float32 output, linear.
    """
    height, width = ids.shape
    inv, size = 1.0 / fx, bank.shape[0]
    turn = abs(math.cos(look[2, 0])) + abs(math.sin(look[2, 0]))
    span = (size - 2.0) * min(look[2, 1], 1.0 / turn)
    c, s = math.cos(look[2, 0]) * span / width, math.sin(look[2, 0]) * span / width
    room = (size - 2.0) - span * turn
    half = 0.5 * (width - 1)
    u0 = 0.5 + 0.5 * span * turn + room * look[2, 2] - half * c + half * s
    v0 = 0.5 + 0.5 * span * turn + room * look[2, 3] - half * c - half * s
    wall, power = look[1, 0], look[_WALL, 3]
    near, plain = look[1, 1] > 0.0 and look[0, 2] < 0.0, look[_FLAT, 3] > 0.0
    tb, tg = look[_WALL, 0] * power * look[_GAIN, 0], look[_WALL, 1] * power * look[_GAIN, 1]
    tr = look[_WALL, 2] * power * look[_GAIN, 2]
    dark = look[_KEY, 1] / (look[_KEY, 1] + look[_SKY, 1])
    du, dv = 0.3 * (look[2, 2] - 0.5) / width, 0.3 * (look[2, 3] - 0.5) / width
    for row in range(height):
        for col in range(width):
            if ids[row, col] != NO_HIT:
                continue
            f = 1.0
            if near:
                f -= dark * covered(view, cover, (col - px) * inv * wall, (row - py) * inv * wall, wall)
            if plain:
                f *= 1.0 + du * (col - half) + dv * (row - half)
                b, g, r = look[_FLAT, 0], look[_FLAT, 1], look[_FLAT, 2]
            else:
                b, g, r = _scene_pixel(bank, u0 + c * col - s * row, v0 + s * col + c * row)
            light[row, col, 0], light[row, col, 1], light[row, col, 2] = b * tb * f, g * tg * f, r * tr * f


@njit(**INLINE)
def _skin_albedo(
    part: int,
    x: float,
    y: float,
    z: float,
    nx: float,
    ny: float,
    nz: float,
    frames: np.ndarray,
    joints: np.ndarray,
    lengths: np.ndarray,
    radii: np.ndarray,
    look: np.ndarray,
    noise: np.ndarray,
    skin: Skin,
    scale: float,
) -> tuple[float, float, float, float]:
    """Albedo and gloss of a point of skin (camera axes, mm); see :func:`~.appearance.finger_skin`."""
    bone = ARM_FRAME if part == 0 else (part if part % 4 != 1 else 0)
    origin = part - 1 if 0 < bone < ARM_FRAME else 0
    ox, oy, oz = x - joints[origin, 0], y - joints[origin, 1], z - joints[origin, 2]
    lx = frames[bone, 0, 0] * ox + frames[bone, 1, 0] * oy + frames[bone, 2, 0] * oz
    ly = frames[bone, 0, 1] * ox + frames[bone, 1, 1] * oy + frames[bone, 2, 1] * oz
    lz = frames[bone, 0, 2] * ox + frames[bone, 1, 2] * oy + frames[bone, 2, 2] * oz
    palmar = frames[bone, 0, 2] * nx + frames[bone, 1, 2] * ny + frames[bone, 2, 2] * nz
    if part == 2:  # the thumb's root belongs to the palm: its tone changes gradually along the metacarpal
        t = min(max(ly / lengths[2], 0.0), 1.0)
        palm = frames[0, 0, 2] * nx + frames[0, 1, 2] * ny + frames[0, 2, 2] * nz
        palmar = palm + (palmar - palm) * t * t
    u, v = lx + 0.7 * lz + look[1, 2] + 37.0 * bone, ly + 0.5 * lz + look[1, 3] + 61.0 * bone
    grain = noise[int(v * 1.6 + 4096.0) & 255, int(u * 1.6 + 4096.0) & 255]
    fine = noise[int(v * 0.4 + 4096.0) & 255, int(u * 0.4 + 4096.0) & 255]
    if bone == 0 or bone == ARM_FRAME:
        b, g, r, gloss = palm_skin(lx, ly, palmar, scale, skin, fine)
    else:
        b, g, r, gloss = finger_skin(part, lx, ly, palmar, lengths[part], radii[14 + 4 * ((part - 1) // 4)], skin, fine)
    mottle = skin.mottle * grain
    return b * (1.0 + 1.2 * mottle), g * (1.0 + mottle), r * (1.0 + 0.4 * mottle), gloss


@njit(**INLINE)
def _cloth_albedo(
    x: float, y: float, z: float, frames: np.ndarray, joints: np.ndarray, look: np.ndarray, noise: np.ndarray
) -> tuple[float, float, float, float]:
    """Albedo of a point of the sleeve: noise for folds, stripes on some."""
    ox, oy, oz = x - joints[0, 0], y - joints[0, 1], z - joints[0, 2]
    lx = frames[ARM_FRAME, 0, 0] * ox + frames[ARM_FRAME, 1, 0] * oy + frames[ARM_FRAME, 2, 0] * oz
    ly = frames[ARM_FRAME, 0, 1] * ox + frames[ARM_FRAME, 1, 1] * oy + frames[ARM_FRAME, 2, 1] * oz
    u, v = lx + look[1, 2], ly + look[1, 3]
    fold = 1.0 + 0.18 * noise[int(v * 0.4 + 4096.0) & 255, int(u * 0.4 + 4096.0) & 255]
    fold += 0.06 * noise[int(v * 1.6 + 4096.0) & 255, int(u * 1.6 + 4096.0) & 255]
    if look[_CLOTH, 3] < 0.3 and int((ly + 400.0) * (0.05 + 0.3 * look[_CLOTH, 3])) & 1:
        fold *= 0.55
    return look[_CLOTH, 0] * fold, look[_CLOTH, 1] * fold, look[_CLOTH, 2] * fold, 0.0


@njit(**JIT)
def paint_surfaces(
    scene: Scene,
    subject: Subject,
    z: np.ndarray,
    ids: np.ndarray,
    parts: np.ndarray,
    kinds: np.ndarray,
    normals: np.ndarray,
    look: np.ndarray,
    view: np.ndarray,
    zmap: np.ndarray,
    noise: np.ndarray,
    light: np.ndarray,
) -> None:
    """Shade every covered pixel: wrapped diffuse light that bleeds red, hemisphere ambient, occlusion, shadow, gloss.

    The half vector of the gloss is that of the hand's middle: light and camera are far away.

    Args:
        scene, subject: The scene, in camera axes, mm, and its subject.
        z: (H, W) depth, mm.
        ids, parts: (H, W) primitive ids and parts.
        kinds: (n,) kind of each primitive.
        normals: (H, W, 3) normals, camera axes.
        look: (16, 4), see :func:`draw_look`.
        view, zmap: (3, 5) camera of the shadow map, and the map (S, S), mm.
        noise: (TABLE, TABLE) noise.
        light: (H, W, 3) float32 output, linear.
    """
    fx, px, py = scene.intrinsics[0], scene.intrinsics[1], scene.intrinsics[2]
    inv = 1.0 / fx
    mm = scene.joints[9, 2] * inv
    reach = max(1, int(round(5.0 / mm)))
    skin = make_skin(subject.skin, mm)
    frames, joints, lengths, radii = scene.frames, scene.joints, subject.lengths, subject.radii
    scale = REFERENCE_LENGTH / (subject.lengths[9] * 2.0)
    lx, ly, lz = look[0, 0], look[0, 1], look[0, 2]
    mid = scene.joints[9]
    away = 1.0 / math.sqrt(mid[0] * mid[0] + mid[1] * mid[1] + mid[2] * mid[2])
    hx, hy, hz = lx - mid[0] * away, ly - mid[1] * away, lz - mid[2] * away
    unit = 1.0 / math.sqrt(hx * hx + hy * hy + hz * hz + 1e-9)
    hx, hy, hz = hx * unit, hy * unit, hz * unit
    kb, kg, kr = look[_KEY, 0], look[_KEY, 1], look[_KEY, 2]
    sb, sg, sr = look[_SKY, 0], look[_SKY, 1], look[_SKY, 2]
    gb, gg, gr = look[_GROUND, 0], look[_GROUND, 1], look[_GROUND, 2]
    for row in range(z.shape[0]):
        for col in range(z.shape[1]):
            k = ids[row, col]
            if k == NO_HIT:
                continue
            kind, t = kinds[k], z[row, col]
            x, y = (col - px) * inv * t, (row - py) * inv * t
            nx, ny, nz = normals[row, col, 0], normals[row, col, 1], normals[row, col, 2]
            unit = 1.0 / math.sqrt(nx * nx + ny * ny + nz * nz)
            nx, ny, nz = nx * unit, ny * unit, nz * unit
            if kind == KIND_OBJECT:
                b, g, r, gloss = look[_THING, 0], look[_THING, 1], look[_THING, 2], 1.0 + look[_THING, 3]
            elif kind == KIND_SLEEVE:
                b, g, r, gloss = _cloth_albedo(x, y, t, frames, joints, look, noise)
            else:
                b, g, r, gloss = _skin_albedo(
                    parts[row, col], x, y, t, nx, ny, nz, frames, joints, lengths, radii, look, noise, skin, scale
                )
            ndl = nx * lx + ny * ly + nz * lz
            shadow = 0.0
            if ndl > -0.25:
                shadow = light_reaching(view, zmap, x + 2.0 * nx, y + 2.0 * ny, t + 2.0 * nz, 3.0, 0.2)
            sky = ambient_occlusion(z, row, col, reach)
            shine = max(nx * hx + ny * hy + nz * hz, 0.0) ** 2
            shine *= shine
            shine *= shine
            shine = 0.035 * gloss * (shine * shine + 0.3 * shine) * shadow if ndl > 0.0 else 0.0
            bleed = 1.0 if kind < KIND_SLEEVE else 0.0
            db = max(ndl + 0.06 * bleed, 0.0) * (1.0 - 0.057 * bleed) * shadow
            dg = max(ndl + 0.10 * bleed, 0.0) * (1.0 - 0.091 * bleed) * (shadow + 0.03 * bleed * (1.0 - shadow))
            dr = max(ndl + 0.24 * bleed, 0.0) * (1.0 - 0.194 * bleed) * (shadow + 0.07 * bleed * (1.0 - shadow))
            up = (0.5 - 0.5 * ny) * sky
            down = sky - up
            close = 0.5 + 0.5 * sky
            light[row, col, 0] = (b * (kb * db + sb * up + gb * down) + kb * shine) * look[_GAIN, 0] * close
            light[row, col, 1] = (g * (kg * dg + sg * up + gg * down) + kg * shine) * look[_GAIN, 1] * close
            light[row, col, 2] = (r * (kr * dr + sr * up + gr * down) + kr * shine) * look[_GAIN, 2] * close


@njit(**JIT)
def shade_body(
    scene: Scene,
    subject: Subject,
    work: Workspace,
    parts: np.ndarray,
    kinds: np.ndarray,
    cones: np.ndarray,
    faces: np.ndarray,
    look: np.ndarray,
    noise: np.ndarray,
    view: np.ndarray,
) -> None:
    """Render linear light (H, W, 3) of the pixels that a scene covers into ``work.light``.

    ``work`` contains the scene's buffers (:func:`~.sample.draw_buffers`). ``view`` (3, 5) receives the camera, mm and
    px, of the shadow map ``work.zmap``. Other arguments as of :func:`paint_surfaces`.
    """
    z, ids, soft = work.z, work.ids, work.soft
    size = z.shape[0]
    fx, px, py = scene.intrinsics[0], scene.intrinsics[1], scene.intrinsics[2]
    surface_normals(z, ids, fx, px, py, scene.spheres, cones, faces, np.empty((faces.shape[0], 2, 3)), work.normals)
    for row in range(size):
        for col in range(size):
            k = ids[row, col]
            kind = KIND_OBJECT if k == NO_HIT else kinds[k]
            soft[row, col] = 0 if kind == KIND_OBJECT else (2 if kind == KIND_SLEEVE else 1)
    smooth_normals(work.normals, work.other, z, soft, scene.joints[9, 2] / fx, 4.5)
    light_view(look[0], scene.joints[9], 180.0, work.zmap.shape[0], view)
    draw_shadow_map(view, scene.spheres, np.empty(scene.spheres.shape), cones, faces, work.zmap, work.shadow_ids)
    paint_surfaces(scene, subject, z, ids, parts, kinds, work.normals, look, view, work.zmap, noise, work.light)


@njit(**JIT)
def render_light(
    scene: Scene,
    subject: Subject,
    work: Workspace,
    parts: np.ndarray,
    kinds: np.ndarray,
    cones: np.ndarray,
    faces: np.ndarray,
    bank: np.ndarray,
    look: np.ndarray,
    noise: np.ndarray,
) -> None:
    """Render linear light (H, W, 3) of a scene into ``work.mixed``, in the pixels of the image.

    ``work`` contains the scene's buffers (:func:`~.sample.draw_buffers`). Other arguments as of :func:`paint_surfaces`
    and :func:`paint_background`.
    """
    fx, px, py = scene.intrinsics[0], scene.intrinsics[1], scene.intrinsics[2]
    view = np.zeros((3, 5))
    shade_body(scene, subject, work, parts, kinds, cones, faces, look, noise, view)
    if look[1, 1] > 0.0:
        cover_map(work.zmap, 1 + int((look[1, 0] - scene.joints[9, 2]) / 50.0), work.cover, work.scratch)
    paint_background(bank, look, work.ids, fx, px, py, view, work.cover, work.light)
    soften_edges(work.light, work.z, work.mixed)


@njit(**JIT)
def soften_edges(light: np.ndarray, z: np.ndarray, out: np.ndarray) -> None:
    """Copy light (H, W, 3), blending pixels of the image at edges of depth (H, W), mm: approximates pixel coverage."""
    height, width = z.shape
    out[:] = light
    for row in range(1, height - 1):
        for col in range(1, width - 1):
            t = z[row, col]
            if (
                abs(z[row, col + 1] - t) > 6.0 or abs(z[row + 1, col] - t) > 6.0
                or abs(z[row, col - 1] - t) > 6.0 or abs(z[row - 1, col] - t) > 6.0
            ):  # fmt: skip
                for k in range(3):
                    around = (
                        light[row, col - 1, k]
                        + light[row, col + 1, k]
                        + light[row - 1, col, k]
                        + light[row + 1, col, k]
                    )
                    out[row, col, k] = 0.4 * light[row, col, k] + 0.15 * around
