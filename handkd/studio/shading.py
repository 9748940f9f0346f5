"""Deferred shading: normals of the visible primitives, smoothed across joints, ambient occlusion and a shadow map."""

from __future__ import annotations

import math

import numpy as np

from handkd.compiling import njit

from .occluders import UPPER_ARMS
from .renderer import FAR, INLINE, JIT, NO_HIT, draw_body, touching_plane


@njit(**JIT)
def _cone_normal(x: float, y: float, z: float, a: np.ndarray, b: np.ndarray) -> tuple[float, float, float]:
    """Normal of a rounded cone at a surface point: away from the centre of the touching sphere."""
    bx, by, bz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    qx, qy, qz = x - a[0], y - a[1], z - a[2]
    rr = a[3] - b[3]
    m0 = bx * bx + by * by + bz * bz
    d2 = m0 - rr * rr
    along = qx * bx + qy * by + qz * bz
    s = (along - rr * a[3]) / d2 if d2 > 1e-9 else 0.0
    s = min(max(s, 0.0), 1.0)
    nx, ny, nz = qx - s * bx, qy - s * by, qz - s * bz
    inv = 1.0 / math.sqrt(nx * nx + ny * ny + nz * nz + 1e-12)
    return nx * inv, ny * inv, nz * inv


@njit(**JIT)
def surface_normals(
    z: np.ndarray,
    ids: np.ndarray,
    fx: float,
    px: float,
    py: float,
    spheres: np.ndarray,
    cones: np.ndarray,
    faces: np.ndarray,
    planes: np.ndarray,
    normals: np.ndarray,
) -> None:
    """Fill ``normals`` (H, W, 3), float32, unit normals in camera axes, from the id buffer.

    ``planes`` (F, 2, 3) is scratch; other arguments (mm, px) as of :func:`~.renderer.draw_body`.
    """
    count = cones.shape[0]
    for k in range(faces.shape[0]):
        a, b, c = spheres[faces[k, 0]], spheres[faces[k, 1]], spheres[faces[k, 2]]
        for s in range(2):
            ok, nx, ny, nz = touching_plane(a, a[3], b, b[3], c, c[3], 2.0 * s - 1.0)
            planes[k, s, 0], planes[k, s, 1], planes[k, s, 2] = nx, ny, nz
    inv = 1.0 / fx
    for row in range(z.shape[0]):
        for col in range(z.shape[1]):
            k = ids[row, col]
            if k == NO_HIT:
                continue
            t = z[row, col]
            x, y = (col - px) * inv * t, (row - py) * inv * t
            if k < count:
                nx, ny, nz = _cone_normal(x, y, t, spheres[cones[k, 0]], spheres[cones[k, 1]])
            else:
                f = k - count
                a = spheres[faces[f, 0]]
                qx, qy, qz = x - a[0], y - a[1], t - a[2]
                h0 = abs(planes[f, 0, 0] * qx + planes[f, 0, 1] * qy + planes[f, 0, 2] * qz - a[3])
                h1 = abs(planes[f, 1, 0] * qx + planes[f, 1, 1] * qy + planes[f, 1, 2] * qz - a[3])
                s = 0 if h0 < h1 else 1
                nx, ny, nz = planes[f, s, 0], planes[f, s, 1], planes[f, s, 2]
            normals[row, col, 0], normals[row, col, 1], normals[row, col, 2] = nx, ny, nz


@njit(**JIT)
def _smooth_pass(src: np.ndarray, z: np.ndarray, soft: np.ndarray, stride: int, limit: float, out: np.ndarray) -> None:
    """One pass of a cross of five taps over the normals of similar pixels (same ``soft``, near in depth); not unit."""
    height, width = z.shape
    for row in range(height):
        up, down = max(row - stride, 0), min(row + stride, height - 1)
        for col in range(width):
            s = soft[row, col]
            if s == 0:
                continue
            t = z[row, col]
            left, right = max(col - stride, 0), min(col + stride, width - 1)
            nx, ny, nz = src[row, col, 0], src[row, col, 1], src[row, col, 2]
            if soft[up, col] == s and abs(z[up, col] - t) < limit:
                nx, ny, nz = nx + src[up, col, 0], ny + src[up, col, 1], nz + src[up, col, 2]
            if soft[down, col] == s and abs(z[down, col] - t) < limit:
                nx, ny, nz = nx + src[down, col, 0], ny + src[down, col, 1], nz + src[down, col, 2]
            if soft[row, left] == s and abs(z[row, left] - t) < limit:
                nx, ny, nz = nx + src[row, left, 0], ny + src[row, left, 1], nz + src[row, left, 2]
            if soft[row, right] == s and abs(z[row, right] - t) < limit:
                nx, ny, nz = nx + src[row, right, 0], ny + src[row, right, 1], nz + src[row, right, 2]
            out[row, col, 0], out[row, col, 1], out[row, col, 2] = nx, ny, nz


@njit(**JIT)
def smooth_normals(
    normals: np.ndarray, other: np.ndarray, z: np.ndarray, soft: np.ndarray, mm_per_px: float, reach: float
) -> None:
    """Smooth the creases between primitives by crosses of shrinking stride and a reach of about ``reach`` mm.

    Args:
        normals: (H, W, 3) float32, camera axes, in and out; the output is not of unit length.
        other: Scratch of the same shape.
        z: (H, W) depth, mm.
        soft: (H, W) uint8: 0 no smoothing; pixels of different values are not mixed.
        mm_per_px: Size of a pixel at the hand, mm.
        reach: Reach of the widest cross, mm.
    """
    stride = max(1, int(round(reach / mm_per_px)))
    _smooth_pass(normals, z, soft, stride, 1.2 * reach + 2.0, other)
    stride = max(1, (stride + 1) // 2)
    _smooth_pass(other, z, soft, stride, 0.8 * reach + 2.0, normals)


@njit(**INLINE)
def _shut(z: np.ndarray, row: int, col: int, t: float) -> float:
    gap = t - z[row, col] - 1.5
    return min(max(gap, 0.0) * 0.1, 1.0) * max(1.0 - gap * (1.0 / 60.0), 0.0)


@njit(**INLINE)
def ambient_occlusion(z: np.ndarray, row: int, col: int, near: int) -> float:
    """Share of unoccluded sky at a pixel of a depth image (H, W), mm: from 0 to 1.

    Eight neighbours at two distances (``near`` and twice it, px) occlude it if they are in front.
    """
    height, width = z.shape
    t, far = z[row, col], 2 * near
    up, down = max(row - near, 0), min(row + near, height - 1)
    left, right = max(col - near, 0), min(col + near, width - 1)
    shut = _shut(z, up, left, t) + _shut(z, up, right, t) + _shut(z, down, left, t) + _shut(z, down, right, t)
    shut += _shut(z, max(row - far, 0), col, t) + _shut(z, min(row + far, height - 1), col, t)
    shut += _shut(z, row, max(col - far, 0), t) + _shut(z, row, min(col + far, width - 1), t)
    return 1.0 - 0.085 * shut


@njit(**JIT)
def light_view(light: np.ndarray, centre: np.ndarray, extent: float, size: int, out: np.ndarray) -> None:
    """Camera of the shadow map: far along the light, framing ``extent`` mm around ``centre``.

    Args:
        light: (3,) unit vector to the light, camera axes.
        centre: (3,) point to look at, mm, camera axes.
        extent: Half the width of the field of view, mm.
        size: Side of the map, px.
        out: (3, 5) output: rotation | translation | (focal, principal point, 0).
    """
    dx, dy, dz = -light[0], -light[1], -light[2]
    ux, uy, uz = (1.0, 0.0, 0.0) if abs(dx) < 0.8 else (0.0, 1.0, 0.0)
    s = ux * dx + uy * dy + uz * dz
    ux, uy, uz = ux - s * dx, uy - s * dy, uz - s * dz
    inv = 1.0 / math.sqrt(ux * ux + uy * uy + uz * uz)
    ux, uy, uz = ux * inv, uy * inv, uz * inv
    out[0, 0], out[0, 1], out[0, 2] = ux, uy, uz
    out[1, 0], out[1, 1], out[1, 2] = dy * uz - dz * uy, dz * ux - dx * uz, dx * uy - dy * ux
    out[2, 0], out[2, 1], out[2, 2] = dx, dy, dz
    far = 1500.0
    for i in range(3):
        out[i, 3] = -(out[i, 0] * centre[0] + out[i, 1] * centre[1] + out[i, 2] * centre[2])
    out[2, 3] += far
    out[0, 4], out[1, 4] = 0.5 * size * far / extent, 0.5 * (size - 1)


@njit(**JIT)
def draw_shadow_map(
    view: np.ndarray,
    spheres: np.ndarray,
    moved: np.ndarray,
    cones: np.ndarray,
    faces: np.ndarray,
    zmap: np.ndarray,
    ids: np.ndarray,
) -> None:
    """Draw the scene without the upper arm into the z-buffer ``zmap`` (S, S), mm, of the light's camera.

    ``moved`` and ``ids`` are scratch; other arguments as of :func:`~.renderer.draw_body`.
    """
    for k in range(spheres.shape[0]):
        for i in range(3):
            moved[k, i] = (
                view[i, 0] * spheres[k, 0] + view[i, 1] * spheres[k, 1] + view[i, 2] * spheres[k, 2] + view[i, 3]
            )
        moved[k, 3] = spheres[k, 3]
    for k in UPPER_ARMS:
        moved[k, 3] = -1.0
    zmap[:] = FAR
    draw_body(zmap, ids, view[0, 4], view[1, 4], view[1, 4], moved, cones, faces)


@njit(**INLINE)
def light_reaching(view: np.ndarray, zmap: np.ndarray, x: float, y: float, z: float, bias: float, k: float) -> float:
    """Share of the light that reaches a point: bilinear percentage-closer look-up (Reeves et al., 1987).

    The point is in camera axes, mm; ``zmap`` (S, S) is the shadow map of ``view`` (3, 5). ``bias`` (mm) keeps a surface
    from shadowing itself; light fades over 1 / ``k`` mm after the first surface.
    """
    lz = view[2, 0] * x + view[2, 1] * y + view[2, 2] * z + view[2, 3]
    s = view[0, 4] / lz
    u = (view[0, 0] * x + view[0, 1] * y + view[0, 2] * z + view[0, 3]) * s + view[1, 4]
    v = (view[1, 0] * x + view[1, 1] * y + view[1, 2] * z + view[1, 3]) * s + view[1, 4]
    size = zmap.shape[0]
    if not (0.0 <= u < size - 1.001 and 0.0 <= v < size - 1.001):
        return 1.0
    c, r = int(u), int(v)
    a, b = u - c, v - r
    edge = lz - bias
    s00 = min(max((zmap[r, c] - edge) * k + 1.0, 0.0), 1.0)
    s01 = min(max((zmap[r, c + 1] - edge) * k + 1.0, 0.0), 1.0)
    s10 = min(max((zmap[r + 1, c] - edge) * k + 1.0, 0.0), 1.0)
    s11 = min(max((zmap[r + 1, c + 1] - edge) * k + 1.0, 0.0), 1.0)
    return (s00 * (1 - a) + s01 * a) * (1 - b) + (s10 * (1 - a) + s11 * a) * b


@njit(**JIT)
def cover_map(zmap: np.ndarray, passes: int, cover: np.ndarray, scratch: np.ndarray) -> None:
    """Fill ``cover``, the share of light blocked by the body, (S, S) in [0, 1], for a surface behind all of it.

    ``zmap`` (S, S) is the shadow map, in the frame of the light's camera. Each pass is a 3 x 3 box filter: more passes
    soften the shadow as a larger lamp does.
    """
    size = zmap.shape[0]
    for row in range(size):
        for col in range(size):
            cover[row, col] = 1.0 if zmap[row, col] < FAR else 0.0
    for _ in range(passes):
        for row in range(size):
            for col in range(size):
                left, right = max(col - 1, 0), min(col + 1, size - 1)
                scratch[row, col] = (cover[row, left] + cover[row, col] + cover[row, right]) * (1.0 / 3.0)
        for row in range(size):
            up, down = max(row - 1, 0), min(row + 1, size - 1)
            for col in range(size):
                cover[row, col] = (scratch[up, col] + scratch[row, col] + scratch[down, col]) * (1.0 / 3.0)


@njit(**INLINE)
def covered(view: np.ndarray, cover: np.ndarray, x: float, y: float, z: float) -> float:
    """Bilinear look-up in a :func:`cover_map` (S, S) at a point in camera axes, mm."""
    s = view[0, 4] / (view[2, 0] * x + view[2, 1] * y + view[2, 2] * z + view[2, 3])
    u = (view[0, 0] * x + view[0, 1] * y + view[0, 2] * z + view[0, 3]) * s + view[1, 4]
    v = (view[1, 0] * x + view[1, 1] * y + view[1, 2] * z + view[1, 3]) * s + view[1, 4]
    size = cover.shape[0]
    if not (0.0 <= u < size - 1.001 and 0.0 <= v < size - 1.001):
        return 0.0
    c, r = int(u), int(v)
    a, b = u - c, v - r
    top = cover[r, c] + a * (cover[r, c + 1] - cover[r, c])
    bottom = cover[r + 1, c] + a * (cover[r + 1, c + 1] - cover[r + 1, c])
    return top + b * (bottom - top)
