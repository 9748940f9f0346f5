"""Closed-form z-buffer of a sphere mesh: rounded cones and the flat faces spanned by three spheres.

The body is a *sphere mesh* (Tkach, Pauly and Tagliasacchi, "Sphere-Meshes for Real-Time Hand Modeling and Tracking",
2016): spheres, the convex hulls of pairs of spheres (rounded cones) and the two planes that touch three spheres. Every
ray hit is closed form, so depth is exact. Rays start at the camera and have direction d = (x, y, 1) in normalised image
coordinates; the ray parameter therefore *is* the depth z.

Each primitive visits only the pixels of its own outline: the outline of a rounded cone is the hull of two ellipses, and
the hull of two circles around these gives one span per row. The inner loops have no branches, so LLVM vectorises them.
"""

from __future__ import annotations

import math

import numpy as np

from handkd.compiling import njit

JIT = {'cache': True, 'nogil': True, 'error_model': 'numpy'}
"""Options of every kernel of the studio: compiled once, no fast-math, so results do not depend on the machine."""

INLINE = JIT | {'inline': 'always'}
"""Options of small functions called with arrays in a pixel loop: a call would count references for each pixel."""

NO_HIT = 255
"""Value of the primitive-id buffer where no ray hits."""
FAR = 1e9
"""Value (mm) of the z-buffer where no ray hits."""


@njit(**JIT)
def _outline_circle(
    cx: float, cy: float, cz: float, r: float, fx: float, px: float, py: float
) -> tuple[float, float, float]:
    """Circle (px) around the image ellipse of a sphere in front of the camera."""
    # The image of the sphere reaches from tan(theta - alpha) to tan(theta + alpha) along the ray of its centre.
    lateral = math.sqrt(cx * cx + cy * cy)
    slope = lateral / cz
    spread = r / math.sqrt(max(lateral * lateral + cz * cz - r * r, 1e-6))
    hi = (slope + spread) / max(1.0 - slope * spread, 1e-3)
    lo = (slope - spread) / (1.0 + slope * spread)
    centre = 0.5 * (hi + lo)
    inv = 1.0 / lateral if lateral > 1e-9 else 0.0
    return px + fx * centre * cx * inv, py + fx * centre * cy * inv, fx * 0.5 * (hi - lo)


@njit(**JIT)
def _row_span(y: float, c: tuple[float, ...], t: tuple[float, ...]) -> tuple[float, float]:
    """Columns [lo, hi] of the hull of two circles on row y, px; c = (x0, y0, r0, x1, y1, r1), t the tangents."""
    lo, hi = 1e9, -1e9
    for k in range(2):
        h = c[3 * k + 2] * c[3 * k + 2] - (y - c[3 * k + 1]) ** 2
        if h >= 0.0:
            h = math.sqrt(h)
            lo = min(lo, c[3 * k] - h)
            hi = max(hi, c[3 * k] + h)
    for k in range(2):
        ya, yb = t[4 * k + 1], t[4 * k + 3]
        if (y - ya) * (y - yb) <= 0.0 and ya != yb:
            x = t[4 * k] + (t[4 * k + 2] - t[4 * k]) * (y - ya) / (yb - ya)
            lo = min(lo, x)
            hi = max(hi, x)
    return lo, hi


@njit(**JIT)
def _tangents(c: tuple[float, ...]) -> tuple[float, ...]:
    """End points of the two common outer tangents of two circles; degenerate if one circle contains the other."""
    dx, dy = c[3] - c[0], c[4] - c[1]
    dist = math.sqrt(dx * dx + dy * dy)
    if dist <= abs(c[2] - c[5]) + 1e-9:
        return (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    ux, uy = dx / dist, dy / dist
    s = (c[2] - c[5]) / dist
    q = math.sqrt(1.0 - s * s)
    ax, ay = s * ux - q * uy, s * uy + q * ux
    bx, by = s * ux + q * uy, s * uy - q * ux
    return (
        c[0] + c[2] * ax, c[1] + c[2] * ay, c[3] + c[5] * ax, c[4] + c[5] * ay,
        c[0] + c[2] * bx, c[1] + c[2] * by, c[3] + c[5] * bx, c[4] + c[5] * by,
    )  # fmt: skip


@njit(**JIT)
def _cone_terms(
    a: tuple[float, float, float], ra: float, b: tuple[float, float, float], rb: float
) -> tuple[float, ...]:
    """Terms of the ray test of a rounded cone with spheres (a, ra) and (b, rb) that do not depend on the ray."""
    bx, by, bz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    rr = ra - rb
    m0 = bx * bx + by * by + bz * bz
    d2 = m0 - rr * rr
    m1 = -(bx * a[0] + by * a[1] + bz * a[2])
    m5 = a[0] * a[0] + a[1] * a[1] + a[2] * a[2]
    k0 = d2 * m5 - m1 * m1 + 2.0 * m1 * rr * ra - m0 * ra * ra
    kb = b[0] * b[0] + b[1] * b[1] + b[2] * b[2] - rb * rb
    return bx, by, bz, d2, rr * ra - m1, k0, m5 - ra * ra, kb, m1 - ra * rr


@njit(**JIT)
def _cone_row(
    zrow: np.ndarray,
    idrow: np.ndarray,
    x0: float,
    dx: float,
    y: float,
    a: tuple[float, float, float],
    b: tuple[float, float, float],
    terms: tuple[float, ...],
    cap_a: bool,
    cap_b: bool,
    ident: int,
) -> None:
    """Draw one row of a rounded cone: the nearest of its body and its end caps.

    With d = (x, y, 1), the body is hit where k2 t^2 + 2 k1 t + k0 = 0 and the foot on the axis lies between the circles
    where the spheres touch the cone; a cap, where the ray enters its sphere.
    """
    bx, by, bz, d2, shift, k0, ka, kb, y0 = terms
    m2y, m3y, m6y, ddy = by * y + bz, a[1] * y + a[2], b[1] * y + b[2], y * y + 1.0
    for i in range(zrow.shape[0]):
        x = x0 + dx * i
        m2 = bx * x + m2y
        m3 = a[0] * x + m3y
        m6 = b[0] * x + m6y
        dd = x * x + ddy
        k2 = d2 * dd - m2 * m2
        k1 = m2 * shift - d2 * m3
        h = k1 * k1 - k0 * k2
        t = (-k1 - math.sqrt(max(h, 0.0))) / k2
        on_axis = y0 + t * m2
        body = (h > 0.0) & (on_axis > 0.0) & (on_axis < d2)
        ha = m3 * m3 - dd * ka
        hb = m6 * m6 - dd * kb
        ta = (m3 - math.sqrt(max(ha, 0.0))) / dd if (ha > 0.0) & cap_a else FAR
        tb = (m6 - math.sqrt(max(hb, 0.0))) / dd if (hb > 0.0) & cap_b else FAR
        t = t if body else min(ta, tb)
        hit = (t < zrow[i]) & (t > 1.0)
        zrow[i] = t if hit else zrow[i]
        idrow[i] = ident if hit else idrow[i]


@njit(**JIT)
def draw_cone(
    z: np.ndarray,
    ids: np.ndarray,
    fx: float,
    px: float,
    py: float,
    a: tuple[float, float, float],
    ra: float,
    b: tuple[float, float, float],
    rb: float,
    cap_a: bool,
    cap_b: bool,
    ident: int,
) -> None:
    """Draw a rounded cone into a z-buffer and an id buffer.

    Args:
        z, ids: (H, W) buffers, mm and primitive ids.
        fx, px, py: Focal length and principal point, px.
        a, ra, b, rb: Centres (3,) in camera axes and radii of two spheres in front of the camera, mm.
        cap_a, cap_b: Whether to draw the end caps.
        ident: Id of the primitive.
    """
    height, width = z.shape
    if min(a[2] - ra, b[2] - rb) < 5.0:
        return
    x0, y0, r0 = _outline_circle(a[0], a[1], a[2], ra, fx, px, py)
    x1, y1, r1 = _outline_circle(b[0], b[1], b[2], rb, fx, px, py)
    top = max(0, int(math.ceil(min(y0 - r0, y1 - r1) - 0.01)))
    bottom = min(height - 1, int(math.floor(max(y0 + r0, y1 + r1) + 0.01)))
    if bottom < top or max(x0 + r0, x1 + r1) < 0.0 or min(x0 - r0, x1 - r1) > width - 1:
        return
    circles = (x0, y0, r0, x1, y1, r1)
    tangents = _tangents(circles)
    terms = _cone_terms(a, ra, b, rb)
    inv = 1.0 / fx
    for row in range(top, bottom + 1):
        lo, hi = _row_span(float(row), circles, tangents)
        left = max(0, int(math.ceil(lo - 0.01)))
        right = min(width - 1, int(math.floor(hi + 0.01)))
        if left <= right:
            _cone_row(
                z[row, left : right + 1], ids[row, left : right + 1], (left - px) * inv, inv, (row - py) * inv,
                a, b, terms, cap_a, cap_b, ident,
            )  # fmt: skip


@njit(**JIT)
def touching_plane(
    a: np.ndarray, ra: float, b: np.ndarray, rb: float, c: np.ndarray, rc: float, sign: float
) -> tuple[bool, float, float, float]:
    """Unit outward normal of one of the two planes that touch three spheres: n.a + ra = n.b + rb = n.c + rc.

    Args:
        a, ra, b, rb, c, rc: Centres, shape (3,) or more, and radii of the spheres, mm, camera axes.
        sign: 1 or -1 selects the plane.

    Returns:
        (ok, nx, ny, nz); not ok if one sphere lies in the hull of the others.
    """
    ux, uy, uz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    vx, vy, vz = c[0] - a[0], c[1] - a[1], c[2] - a[2]
    wx, wy, wz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    ww = wx * wx + wy * wy + wz * wz
    if ww < 1e-9:
        return False, 0.0, 0.0, 0.0
    du, dv = ra - rb, ra - rc
    uu, vv, uv = ux * ux + uy * uy + uz * uz, vx * vx + vy * vy + vz * vz, ux * vx + uy * vy + uz * vz
    p = (du * vv - dv * uv) / ww
    q = (dv * uu - du * uv) / ww
    fx, fy, fz = p * ux + q * vx, p * uy + q * vy, p * uz + q * vz
    rest = 1.0 - fx * fx - fy * fy - fz * fz
    if rest <= 1e-9:
        return False, 0.0, 0.0, 0.0
    s = sign * math.sqrt(rest / ww)
    return True, fx + s * wx, fy + s * wy, fz + s * wz


@njit(**JIT)
def _face_row(
    zrow: np.ndarray, idrow: np.ndarray, w0: float, w1: float, w2: float, g0: float, g1: float, g2: float, ident: int
) -> None:
    for i in range(zrow.shape[0]):
        e0, e1, e2 = w0 + g0 * i, w1 + g1 * i, w2 + g2 * i
        t = 1.0 / (e0 + e1 + e2)
        hit = (e0 >= 0.0) & (e1 >= 0.0) & (e2 >= 0.0) & (t < zrow[i])
        zrow[i] = t if hit else zrow[i]
        idrow[i] = ident if hit else idrow[i]


@njit(**JIT)
def draw_face(
    z: np.ndarray,
    ids: np.ndarray,
    fx: float,
    px: float,
    py: float,
    q0: tuple[float, float, float],
    q1: tuple[float, float, float],
    q2: tuple[float, float, float],
    ident: int,
) -> None:
    """Draw the flat triangle q0 q1 q2, (3,) each, camera axes, mm, into (H, W) buffers of depth and ids.

    With w = Q^-1 d, a pixel is inside if w >= 0, and its depth is 1 / sum(w).
    """
    height, width = z.shape
    if min(q0[2], q1[2], q2[2]) < 5.0:
        return
    c0 = (q1[1] * q2[2] - q1[2] * q2[1], q1[2] * q2[0] - q1[0] * q2[2], q1[0] * q2[1] - q1[1] * q2[0])
    c1 = (q2[1] * q0[2] - q2[2] * q0[1], q2[2] * q0[0] - q2[0] * q0[2], q2[0] * q0[1] - q2[1] * q0[0])
    c2 = (q0[1] * q1[2] - q0[2] * q1[1], q0[2] * q1[0] - q0[0] * q1[2], q0[0] * q1[1] - q0[1] * q1[0])
    det = q0[0] * c0[0] + q0[1] * c0[1] + q0[2] * c0[2]
    if abs(det) < 1e-6:
        return
    inv = 1.0 / fx
    y0, y1, y2 = q0[1] / q0[2] * fx + py, q1[1] / q1[2] * fx + py, q2[1] / q2[2] * fx + py
    top = max(0, int(math.ceil(min(y0, y1, y2) - 1e-6)))
    bottom = min(height - 1, int(math.floor(max(y0, y1, y2) + 1e-6)))
    s = 1.0 / det
    g0, g1, g2 = c0[0] * s * inv, c1[0] * s * inv, c2[0] * s * inv
    for row in range(top, bottom + 1):
        y = (row - py) * inv
        w0 = (c0[1] * y + c0[2]) * s - g0 * px
        w1 = (c1[1] * y + c1[2]) * s - g1 * px
        w2 = (c2[1] * y + c2[2]) * s - g2 * px
        lo, hi = 0.0, width - 1.0
        for w, g in ((w0, g0), (w1, g1), (w2, g2)):
            if g > 0.0:
                lo = max(lo, -w / g - 0.01)
            elif g < 0.0:
                hi = min(hi, -w / g + 0.01)
            elif w < 0.0:
                hi = -1.0
        if hi >= lo:
            left, right = int(math.ceil(lo)), int(math.floor(hi))
            if left <= right:
                _face_row(
                    z[row, left : right + 1], ids[row, left : right + 1],
                    w0 + g0 * left, w1 + g1 * left, w2 + g2 * left, g0, g1, g2, ident,
                )  # fmt: skip


@njit(**JIT)
def draw_body(
    z: np.ndarray,
    ids: np.ndarray,
    fx: float,
    px: float,
    py: float,
    spheres: np.ndarray,
    cones: np.ndarray,
    faces: np.ndarray,
) -> None:
    """Draw a sphere mesh.

    Args:
        z: float64 (H, W), initialised to FAR; receives depth in mm.
        ids: uint8 (H, W), initialised to NO_HIT; receives the primitive: cone k is k, face k is len(cones) + k.
        fx, px, py: Focal length and principal point, px (square pixels, pixel centres at integers).
        spheres: (S, 4) centre in camera axes and radius, mm; a primitive whose first radius is negative is left out.
        cones: int (C, 4) two spheres and whether each end cap is drawn (a neighbour may draw the same sphere).
        faces: int (F, 3) three spheres; both touching planes are drawn.
    """
    for k in range(cones.shape[0]):
        i, j = cones[k, 0], cones[k, 1]
        if spheres[i, 3] < 0.0:
            continue
        draw_cone(
            z, ids, fx, px, py, (spheres[i, 0], spheres[i, 1], spheres[i, 2]), spheres[i, 3],
            (spheres[j, 0], spheres[j, 1], spheres[j, 2]), spheres[j, 3], cones[k, 2] > 0, cones[k, 3] > 0, np.uint8(k),
        )  # fmt: skip
    for k in range(faces.shape[0]):
        a, b, c = spheres[faces[k, 0]], spheres[faces[k, 1]], spheres[faces[k, 2]]
        if a[3] < 0.0:
            continue
        for sign in (-1.0, 1.0):
            ok, nx, ny, nz = touching_plane(a, a[3], b, b[3], c, c[3], sign)
            q0 = (a[0] + a[3] * nx, a[1] + a[3] * ny, a[2] + a[3] * nz)
            if ok and nx * q0[0] + ny * q0[1] + nz * q0[2] < 0.0:
                q1 = (b[0] + b[3] * nx, b[1] + b[3] * ny, b[2] + b[3] * nz)
                q2 = (c[0] + c[3] * nx, c[1] + c[3] * ny, c[2] + c[3] * nz)
                draw_face(z, ids, fx, px, py, q0, q1, q2, np.uint8(cones.shape[0] + k))
