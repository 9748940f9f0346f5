"""Rotations in the image plane and in space."""

from __future__ import annotations

import numpy as np


def rotation_2d(degrees: float | np.ndarray) -> np.ndarray:
    """Return the rotation of the image plane by an angle.

    Args:
        degrees: The angle, shape (...). With x right and y down, a positive one rotates clockwise on the screen.

    Returns:
        Matrix that rotates column vectors, shape (..., 2, 2), float64.
    """
    angle = np.deg2rad(degrees)
    cos, sin = np.cos(angle), np.sin(angle)
    matrix = np.empty((*np.shape(angle), 2, 2), cos.dtype)  # filled in place: stacking takes several times as long
    matrix[..., 0, 0] = matrix[..., 1, 1] = cos
    matrix[..., 0, 1], matrix[..., 1, 0] = -sin, sin
    return matrix


def axis_angle_to_matrix(axis_angle: np.ndarray) -> np.ndarray:
    """Convert rotation vectors to rotation matrices (Rodrigues' formula).

    Args:
        axis_angle: Unit axis times angle in radians, shape (..., 3), any frame.

    Returns:
        Matrices that rotate column vectors, shape (..., 3, 3), float64: I + sin(t)/t [v] + (1 - cos(t))/t^2 [v]^2.

    Raises:
        ValueError: If the last dimension isn't 3.
    """
    vector = np.asarray(axis_angle, np.float64)
    if vector.shape[-1:] != (3,):
        raise ValueError(f'axis_angle must have shape (..., 3), found {vector.shape}')
    angle = np.linalg.norm(vector, axis=-1)[..., None, None]
    cross = np.zeros((*vector.shape, 3))
    cross[..., 2, 1], cross[..., 0, 2], cross[..., 1, 0] = np.moveaxis(vector, -1, 0)
    cross -= np.swapaxes(cross, -1, -2)
    # np.sinc(x) is sin(pi x) / (pi x): both factors stay exact down to an angle of zero.
    first, half = np.sinc(angle / np.pi), np.sinc(angle / (2 * np.pi))
    return np.eye(3) + first * cross + 0.5 * half**2 * (cross @ cross)
