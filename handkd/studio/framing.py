"""Camera of a sample: the full view sphere, focal length, distance, and the crop that becomes the image."""

from __future__ import annotations

import math

import numpy as np

from handkd.compiling import njit

from .renderer import JIT


@njit(**JIT)
def random_rotation(u0: float, u1: float, u2: float, out: np.ndarray) -> None:
    """Uniform rotation ``out`` (3, 3) of the palm frame to camera axes, from three uniform deviates in [0, 1].

    Shoemake, "Uniform random rotations", Graphics Gems III, 1992.
    """
    a, b = math.sqrt(1.0 - u0), math.sqrt(u0)
    x, y = a * math.sin(2 * math.pi * u1), a * math.cos(2 * math.pi * u1)
    z, w = b * math.sin(2 * math.pi * u2), b * math.cos(2 * math.pi * u2)
    out[0, 0], out[0, 1], out[0, 2] = 1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)
    out[1, 0], out[1, 1], out[1, 2] = 2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)
    out[2, 0], out[2, 1], out[2, 2] = 2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)


@njit(**JIT)
def upright_rotation(u0: float, u1: float, u2: float, u3: float, limit: float, out: np.ndarray) -> None:
    """Rotation near that of an upright hand that shows its palm or its back, from four uniform deviates.

    Columns of ``out`` are the palm frame's lateral, along and palmar axes in camera axes (x right, y down, z forward):
    the fingers point up, the palm faces the camera or away from it, and both are then rotated about a
    uniform axis.

    Args:
        u0, u1, u2, u3: Uniform deviates.
        limit: Largest angle of that rotation, radians; the angles fill a ball, as small rotations do.
        out: (3, 3) output.
    """
    face = -1.0 if u0 < 0.5 else 1.0
    height, turn = 2.0 * u1 - 1.0, 2.0 * math.pi * u2
    ring = math.sqrt(1.0 - height * height)
    x, y, z = ring * math.cos(turn), ring * math.sin(turn), height
    angle = limit * u3 ** (1.0 / 3.0)
    c, s, d = math.cos(angle), math.sin(angle), 1.0 - math.cos(angle)
    # The columns of Rodrigues' matrix, times those of the upright hand: -face * x, -y and face * z.
    out[0, 0], out[1, 0], out[2, 0] = -face * (c + x * x * d), -face * (y * x * d + z * s), -face * (z * x * d - y * s)
    out[0, 1], out[1, 1], out[2, 1] = -(x * y * d - z * s), -(c + y * y * d), -(z * y * d + x * s)
    out[0, 2], out[1, 2], out[2, 2] = face * (x * z * d + y * s), face * (y * z * d - x * s), face * (c + z * z * d)


@njit(**JIT)
def crop_intrinsics(
    points: np.ndarray,
    focal: float,
    px: float,
    py: float,
    factor: float,
    shift_x: float,
    shift_y: float,
    resolution: int,
    intrinsics: np.ndarray,
) -> None:
    """Intrinsics of the square-box crop around projected joints.

    The square has the centre of the tight box of the joints and ``factor`` times its larger extent as side, and is then
    moved by ``shift`` times that side. Pixel centres are at integers: its centre lands on (resolution - 1) / 2.

    Args:
        points: (21, 3) camera axes, mm.
        focal, px, py: The whole camera, px.
        factor: Side of the square over the larger extent.
        shift_x, shift_y: Displacement of the square over its side.
        resolution: Side of the crop, px.
        intrinsics: (3,) output: focal length and principal point of the crop, px.
    """
    x0, x1, y0, y1 = 1e9, -1e9, 1e9, -1e9
    for j in range(points.shape[0]):
        x, y = focal * points[j, 0] / points[j, 2] + px, focal * points[j, 1] / points[j, 2] + py
        x0, x1, y0, y1 = min(x0, x), max(x1, x), min(y0, y), max(y1, y)
    side = max(x1 - x0, y1 - y0, 1.0) * factor
    scale = resolution / side
    intrinsics[0] = focal * scale
    intrinsics[1] = (px - 0.5 * (x0 + x1) - shift_x * side) * scale + 0.5 * (resolution - 1)
    intrinsics[2] = (py - 0.5 * (y0 + y1) - shift_y * side) * scale + 0.5 * (resolution - 1)


@njit(**JIT)
def project_joints(
    joints: np.ndarray, intrinsics: np.ndarray, size: int, keypoints: np.ndarray, visible: np.ndarray, box: np.ndarray
) -> None:
    """Project joints, and mark those inside the image.

    Args:
        joints: (21, 3) camera axes, mm.
        intrinsics: (3,) focal length and principal point, px.
        size: Side of the image, px.
        keypoints: (21, 2) float32 output, px; pixel centres at integers.
        visible: (21,) float32 output: 1 inside the image's outer edge, else 0.
        box: (4,) float32 output: tight box of the keypoints, x1 y1 x2 y2.
    """
    box[0], box[1], box[2], box[3] = 1e9, 1e9, -1e9, -1e9
    edge = size - 0.5
    for j in range(joints.shape[0]):
        x = intrinsics[0] * joints[j, 0] / joints[j, 2] + intrinsics[1]
        y = intrinsics[0] * joints[j, 1] / joints[j, 2] + intrinsics[2]
        keypoints[j, 0], keypoints[j, 1] = x, y
        visible[j] = 1.0 if -0.5 < x < edge and -0.5 < y < edge else 0.0
        box[0], box[1], box[2], box[3] = min(box[0], x), min(box[1], y), max(box[2], x), max(box[3], y)
