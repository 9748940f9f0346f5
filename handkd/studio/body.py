"""The body as a sphere mesh: spheres that form cones and faces, and the part of the hand that each belongs to."""

from __future__ import annotations

import math

import numpy as np

from handkd.compiling import njit

from .anatomy import ARM_FRAME, SPHERE_FRAME, SPHERE_INDEX, UPPER_ARM_FRAME, Subject
from .renderer import JIT

KIND_PALM, KIND_WEB, KIND_THUMB_WEB, KIND_FOREARM, KIND_SLEEVE, KIND_OBJECT = range(32, 38)
"""Kinds of primitive besides 1..20, which are one part each: palm (carpus or a metacarpal region, by position), webs of
the fingers (palm or proximal phalanx), thumb web, bare forearm, sleeve and objects (the last three are part 0)."""

_FINGER_PARTS = (('index', 5), ('middle', 9), ('ring', 13), ('little', 17))


def _rows() -> tuple[list[tuple], list[tuple]]:
    """Cones (a, b, cap a, cap b, kind) and faces (a, b, c, kind) by sphere name."""
    cones: list[tuple] = []
    for finger, base in _FINGER_PARTS:
        cones += [
            (f'mcp_{finger}', f'{finger}_pip', 0, 1, base + 1),
            (f'{finger}_pip', f'{finger}_dip', 0, 1, base + 2),
            (f'{finger}_dip', f'{finger}_tip', 0, 1, base + 3),
            (f'{finger}_pulp', f'{finger}_tip', 1, 0, base + 3),
        ]
    cones += [
        ('thumb_cmc', 'thumb_mcp', 1, 1, 2), ('thumb_mcp', 'thumb_ip', 0, 1, 3), ('thumb_ip', 'thumb_tip', 0, 1, 4),
        ('thumb_pulp', 'thumb_tip', 1, 0, 4), ('thumb_cmc', 'thenar', 0, 1, 2), ('thenar', 'thumb_mcp', 0, 0, 2),
        ('wrist_radial', 'mcp_index', 0, 1, KIND_PALM), ('wrist_radial', 'mcp_middle', 0, 1, KIND_PALM),
        ('wrist_ulnar', 'mcp_middle', 0, 0, KIND_PALM), ('hypothenar', 'mcp_ring', 0, 0, KIND_PALM),
        ('thenar', 'web_index_metacarpal', 0, 0, KIND_PALM), ('thumb_cmc', 'web_index_metacarpal', 0, 0, KIND_PALM),
        ('thenar', 'web_thumb', 0, 0, KIND_THUMB_WEB), ('wrist_radial', 'thenar', 0, 0, KIND_PALM),
        ('wrist_ulnar', 'mcp_ring', 0, 1, KIND_PALM), ('wrist_ulnar', 'mcp_little', 0, 1, KIND_PALM),
        ('mcp_index', 'mcp_middle', 0, 0, KIND_PALM), ('mcp_middle', 'mcp_ring', 0, 0, KIND_PALM),
        ('mcp_ring', 'mcp_little', 0, 0, KIND_PALM), ('wrist_ulnar', 'hypothenar', 0, 1, KIND_PALM),
        ('hypothenar', 'hypothenar_distal', 0, 1, KIND_PALM), ('hypothenar_distal', 'mcp_little', 0, 0, KIND_PALM),
        ('wrist_radial', 'thumb_cmc', 0, 0, KIND_PALM), ('web_thumb', 'web_index_metacarpal', 1, 1, KIND_THUMB_WEB),
        ('wrist_radial', 'wrist_ulnar', 1, 1, KIND_PALM), ('thenar', 'wrist_ulnar', 0, 0, KIND_PALM),
        ('web_im_index', 'web_im_middle', 1, 1, KIND_WEB), ('web_mr_middle', 'web_mr_ring', 1, 1, KIND_WEB),
        ('web_rl_ring', 'web_rl_little', 1, 1, KIND_WEB),
        ('wrist_radial', 'forearm_wrist_radial', 0, 1, KIND_FOREARM),
        ('wrist_ulnar', 'forearm_wrist_ulnar', 0, 1, KIND_FOREARM),
        ('forearm_wrist_radial', 'forearm_radial', 0, 1, KIND_FOREARM),
        ('forearm_wrist_ulnar', 'forearm_ulnar', 0, 1, KIND_FOREARM),
        ('forearm_wrist_ulnar', 'forearm_radial', 0, 0, KIND_FOREARM),
        ('wrist_ulnar', 'forearm_wrist_radial', 0, 0, KIND_FOREARM),
        ('forearm_radial', 'elbow', 0, 0, KIND_FOREARM), ('forearm_ulnar', 'elbow', 0, 1, KIND_FOREARM),
        ('upper_arm', 'elbow', 1, 0, KIND_FOREARM),
    ]  # fmt: skip
    faces = [
        ('wrist_radial', 'mcp_index', 'mcp_middle', KIND_PALM),
        ('wrist_radial', 'wrist_ulnar', 'mcp_middle', KIND_PALM),
        ('wrist_ulnar', 'mcp_middle', 'mcp_ring', KIND_PALM), ('wrist_ulnar', 'mcp_ring', 'mcp_little', KIND_PALM),
        ('wrist_ulnar', 'hypothenar', 'mcp_little', KIND_PALM), ('wrist_ulnar', 'hypothenar', 'mcp_ring', KIND_PALM),
        ('hypothenar', 'hypothenar_distal', 'mcp_little', KIND_PALM),
        ('hypothenar', 'hypothenar_distal', 'mcp_ring', KIND_PALM), ('thumb_cmc', 'thenar', 'thumb_mcp', 2),
        ('wrist_radial', 'thumb_cmc', 'thenar', KIND_PALM), ('wrist_radial', 'wrist_ulnar', 'thenar', KIND_PALM),
        ('wrist_radial', 'thumb_cmc', 'web_index_metacarpal', KIND_PALM),
        ('thumb_cmc', 'web_thumb', 'web_index_metacarpal', KIND_THUMB_WEB),
        ('thenar', 'web_thumb', 'web_index_metacarpal', KIND_THUMB_WEB),
        ('thenar', 'wrist_ulnar', 'web_index_metacarpal', KIND_PALM),
        ('thenar', 'thumb_mcp', 'web_thumb', 2),
    ]  # fmt: skip
    for one, two, short in (('index', 'middle', 'im'), ('middle', 'ring', 'mr'), ('ring', 'little', 'rl')):
        faces += [
            (f'mcp_{one}', f'mcp_{two}', f'web_{short}_{one}', KIND_WEB),
            (f'mcp_{two}', f'web_{short}_{one}', f'web_{short}_{two}', KIND_WEB),
        ]
    for a, b in (('wrist', 'forearm_wrist'), ('forearm_wrist', 'forearm')):
        faces += [
            (f'{a}_radial', f'{a}_ulnar', f'{b}_radial', KIND_FOREARM),
            (f'{a}_ulnar', f'{b}_radial', f'{b}_ulnar', KIND_FOREARM),
        ]
    faces.append(('forearm_radial', 'forearm_ulnar', 'elbow', KIND_FOREARM))
    return cones, faces


_CONES, _FACES = _rows()
CONES = np.array([(SPHERE_INDEX[a], SPHERE_INDEX[b], ca, cb) for a, b, ca, cb, _ in _CONES], np.int64)
"""(C, 4) rounded cones: two spheres, and whether each end cap is drawn here."""
FACES = np.array([[SPHERE_INDEX[name] for name in row[:3]] for row in _FACES], np.int64)
"""(F, 3) faces: three spheres."""
KINDS = np.array([row[4] for row in _CONES] + [row[3] for row in _FACES], np.uint8)
"""(C + F,) kind of each primitive: a part number or a ``KIND_``."""


@njit(**JIT)
def place_spheres(subject: Subject, joints: np.ndarray, frames: np.ndarray, spheres: np.ndarray) -> None:
    """Fill ``spheres`` (S, 4), centres and radii of the body's spheres, from the posed bones; palm frame, mm.

    Args:
        subject: The subject.
        joints: (21, 3) joints, palm frame, mm.
        frames: (23, 3, 3) frames of the bones, palm frame.
        spheres: (S, 4) output.
    """
    for k in range(SPHERE_FRAME.shape[0]):
        p = SPHERE_FRAME[k]
        x, y, z = subject.offsets[k, 0], subject.offsets[k, 1], subject.offsets[k, 2]
        ox, oy, oz = 0.0, 0.0, 0.0
        if p == UPPER_ARM_FRAME:
            e = spheres[k - 1]
            ox, oy, oz = e[0], e[1], e[2]
        elif 0 < p < ARM_FRAME:
            ox, oy, oz = joints[p - 1, 0], joints[p - 1, 1], joints[p - 1, 2]
        m = frames[p]
        spheres[k, 0] = ox + m[0, 0] * x + m[0, 1] * y + m[0, 2] * z
        spheres[k, 1] = oy + m[1, 0] * x + m[1, 1] * y + m[1, 2] * z
        spheres[k, 2] = oz + m[2, 0] * x + m[2, 1] * y + m[2, 2] * z
        spheres[k, 3] = subject.radii[k]


@njit(**JIT)
def _palm_part(x: float, y: float, lines: np.ndarray, beyond: bool) -> int:
    """Part of a point of the palm (palm frame, mm): carpus below ``lines[0, 0]``, else the metacarpal region."""
    if y < lines[0, 0]:
        return 1
    f = 0
    for k in range(3):
        if x * lines[k + 1, 1] < y * lines[k + 1, 0]:
            f = k + 1
    return 5 + 4 * f + (1 if y > lines[f + 1, 2] and beyond else 0)


@njit(**JIT)
def palm_lines(joints: np.ndarray, lines: np.ndarray) -> None:
    """Fill ``lines`` (5, 3), borders of the palm's regions, from joints (21, 3); palm frame, mm.

    They are the carpal height, the lines between fingers through the wrist, and the heights of the MCP joints.
    """
    for k in range(4):
        p = 5 + 4 * k
        q = p + 4 if k < 3 else p
        lines[k + 1, 0] = 0.5 * (joints[p, 0] + joints[q, 0])
        lines[k + 1, 1] = 0.5 * (joints[p, 1] + joints[q, 1])
        lines[k + 1, 2] = joints[p, 1]
    lines[0, 0] = 1.15 * joints[1, 1]


@njit(**JIT)
def label_parts(
    z: np.ndarray,
    ids: np.ndarray,
    fx: float,
    px: float,
    py: float,
    kinds: np.ndarray,
    pose: np.ndarray,
    joints: np.ndarray,
    lines: np.ndarray,
    parts: np.ndarray,
) -> None:
    """Convert the primitive-id buffer to part numbers.

    Args:
        z, ids: Buffers of :func:`~handkd.studio.renderer.draw_body`.
        fx, px, py: Camera, px.
        kinds: (n,) kind of each primitive.
        pose: (3, 4) palm frame to camera, mm: x_cam = pose[:, :3] x_palm + pose[:, 3].
        joints: (21, 3) palm frame, mm; determines the side of the thumb's web.
        lines: Output of :func:`palm_lines`.
        parts: uint8 (H, W) output.
    """
    inv = 1.0 / fx
    tx, ty = joints[2, 0] - joints[1, 0], joints[2, 1] - joints[1, 1]
    ix, iy = joints[5, 0] - joints[1, 0], joints[5, 1] - joints[1, 1]
    tn, ind = math.sqrt(tx * tx + ty * ty) + 1e-9, math.sqrt(ix * ix + iy * iy) + 1e-9
    bx, by = tx / tn + ix / ind, ty / tn + iy / ind
    for row in range(z.shape[0]):
        for col in range(z.shape[1]):
            k = ids[row, col]
            if k == 255:
                parts[row, col] = 0
                continue
            kind = kinds[k]
            if kind < KIND_PALM:
                parts[row, col] = kind
                continue
            if kind >= KIND_FOREARM:
                parts[row, col] = 0
                continue
            t = z[row, col]
            cx, cy, cz = (col - px) * inv * t - pose[0, 3], (row - py) * inv * t - pose[1, 3], t - pose[2, 3]
            x = pose[0, 0] * cx + pose[1, 0] * cy + pose[2, 0] * cz
            y = pose[0, 1] * cx + pose[1, 1] * cy + pose[2, 1] * cz
            if kind == KIND_THUMB_WEB and (x - joints[1, 0]) * by - (y - joints[1, 1]) * bx > 0.0:
                parts[row, col] = 2
            else:
                parts[row, col] = _palm_part(x, y, lines, kind == KIND_WEB)
