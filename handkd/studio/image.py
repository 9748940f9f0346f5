"""Colour image of a scene: light, skin, objects and background, in one pass over the pixels."""

from __future__ import annotations

import math

import numpy as np

from handkd.compiling import njit

from .anatomy import ARM_FRAME, REFERENCE_LENGTH, Subject
from .appearance import Skin, finger_skin, make_skin, palm_skin
from .body import KIND_OBJECT, KIND_SLEEVE
from .look import (
    ACROSS,
    CLOTH,
    CLOTH_STRIPES,
    DOWN,
    FLAT,
    GAIN,
    GRAIN_X,
    GRAIN_Y,
    GROUND,
    IS_PLAIN,
    KEY,
    LIGHT,
    SKY,
    THING,
    THING_GLOSS,
    TURN,
    WALL,
    WALL_BRIGHTNESS,
    WALL_DISTANCE,
    WALL_IS_NEAR,
    ZOOM,
)
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
        look: (16, 4), see :mod:`.look`.
        ids: (H, W) primitive ids of the image.
        fx, px, py: Focal length and principal point, px.
        view: (3, 5) camera of the shadow map.
        cover: (S, S) see :func:`~.shading.cover_map`.
        light: (H, W, 3) float32 output, linear.
    """
    height, width = ids.shape
    inv, size = 1.0 / fx, bank.shape[0]
    turn = abs(math.cos(look[TURN])) + abs(math.sin(look[TURN]))
    span = (size - 2.0) * min(look[ZOOM], 1.0 / turn)
    c, s = math.cos(look[TURN]) * span / width, math.sin(look[TURN]) * span / width
    room = (size - 2.0) - span * turn
    half = 0.5 * (width - 1)
    u0 = 0.5 + 0.5 * span * turn + room * look[ACROSS] - half * c + half * s
    v0 = 0.5 + 0.5 * span * turn + room * look[DOWN] - half * c - half * s
    wall, power = look[WALL_DISTANCE], look[WALL_BRIGHTNESS]
    near, plain = look[WALL_IS_NEAR] > 0.0 and look[LIGHT, 2] < 0.0, look[IS_PLAIN] > 0.0
    tb, tg = look[WALL, 0] * power * look[GAIN, 0], look[WALL, 1] * power * look[GAIN, 1]
    tr = look[WALL, 2] * power * look[GAIN, 2]
    dark = look[KEY, 1] / (look[KEY, 1] + look[SKY, 1])
    du, dv = 0.3 * (look[ACROSS] - 0.5) / width, 0.3 * (look[DOWN] - 0.5) / width
    for row in range(height):
        for col in range(width):
            if ids[row, col] != NO_HIT:
                continue
            f = 1.0
            if near:
                f -= dark * covered(view, cover, (col - px) * inv * wall, (row - py) * inv * wall, wall)
            if plain:
                f *= 1.0 + du * (col - half) + dv * (row - half)
                b, g, r = look[FLAT, 0], look[FLAT, 1], look[FLAT, 2]
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
    u, v = lx + 0.7 * lz + look[GRAIN_X] + 37.0 * bone, ly + 0.5 * lz + look[GRAIN_Y] + 61.0 * bone
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
    u, v = lx + look[GRAIN_X], ly + look[GRAIN_Y]
    fold = 1.0 + 0.18 * noise[int(v * 0.4 + 4096.0) & 255, int(u * 0.4 + 4096.0) & 255]
    fold += 0.06 * noise[int(v * 1.6 + 4096.0) & 255, int(u * 1.6 + 4096.0) & 255]
    if look[CLOTH_STRIPES] < 0.3 and int((ly + 400.0) * (0.05 + 0.3 * look[CLOTH_STRIPES])) & 1:
        fold *= 0.55
    return look[CLOTH, 0] * fold, look[CLOTH, 1] * fold, look[CLOTH, 2] * fold, 0.0


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
        look: (16, 4), see :mod:`.look`.
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
    lx, ly, lz = look[LIGHT, 0], look[LIGHT, 1], look[LIGHT, 2]
    mid = scene.joints[9]
    away = 1.0 / math.sqrt(mid[0] * mid[0] + mid[1] * mid[1] + mid[2] * mid[2])
    hx, hy, hz = lx - mid[0] * away, ly - mid[1] * away, lz - mid[2] * away
    unit = 1.0 / math.sqrt(hx * hx + hy * hy + hz * hz + 1e-9)
    hx, hy, hz = hx * unit, hy * unit, hz * unit
    kb, kg, kr = look[KEY, 0], look[KEY, 1], look[KEY, 2]
    sb, sg, sr = look[SKY, 0], look[SKY, 1], look[SKY, 2]
    gb, gg, gr = look[GROUND, 0], look[GROUND, 1], look[GROUND, 2]
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
                b, g, r, gloss = look[THING, 0], look[THING, 1], look[THING, 2], 1.0 + look[THING_GLOSS]
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
            light[row, col, 0] = (b * (kb * db + sb * up + gb * down) + kb * shine) * look[GAIN, 0] * close
            light[row, col, 1] = (g * (kg * dg + sg * up + gg * down) + kg * shine) * look[GAIN, 1] * close
            light[row, col, 2] = (r * (kr * dr + sr * up + gr * down) + kr * shine) * look[GAIN, 2] * close


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
    light_view(look[LIGHT], scene.joints[9], 180.0, work.zmap.shape[0], view)
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
    if look[WALL_IS_NEAR] > 0.0:
        cover_map(work.zmap, 1 + int((look[WALL_DISTANCE] - scene.joints[9, 2]) / 50.0), work.cover, work.scratch)
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
