"""The pinhole camera with lens distortion, and its change under an affine map of the image.

A camera is a dict: ``K`` (3, 3) intrinsics in pixels, whose last row is (0, 0, 1) and which may have skew; optionally
``dist`` (5,), OpenCV's (k1, k2, p1, p2, k3); optionally ``R`` (3, 3) and ``T`` (3,) in mm, which take world points into
the camera's frame: x_cam = R x_world + T. In the camera's frame x points right, y down and z forward. The centre of the
top left pixel is (0, 0).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from handkd.units import FARTHEST, is_sane

if TYPE_CHECKING:
    import torch

Array = TypeVar('Array', np.ndarray, 'torch.Tensor')

VIEW_GROUP = 4
"""Images in a group of views, for view synthesis: of two cameras at one moment, then of two at another moment."""

_UNDISTORT_STEPS = 20
"""Fixed-point steps that invert the distortion: error far below 1e-6 px, except for fisheye lenses."""
_UNDISTORT_LIMIT = 0.25
"""Largest shift by the lens along x or y, normalised: more than in any image; also the largest fixed-point step."""
_TURN = 1e-3  # largest deviation of R R^T from 1, as data sets print rotations with four digits


def _distort(xy: Array, dist: Array) -> Array:
    """Apply the Brown-Conrady model (OpenCV's first five coefficients) to normalised points (..., 2)."""
    k1, k2, p1, p2, k3 = (dist[..., i : i + 1] for i in range(5))
    x, y = xy[..., :1], xy[..., 1:]
    r2 = x * x + y * y
    radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    # With p = (p2, p1) the tangential term p r^2 + 2 x (p . x) is a vector equation, so it holds in any rotated frame.
    return xy * (radial + 2 * (p2 * x + p1 * y)) + r2 * dist[..., [3, 2]]


def undistort(distorted: Array, dist: Array) -> Array:
    """Remove the distortion of a lens; points that no ray reaches, as an untrained network may predict, stay.

    Args:
        distorted: Points of the image plane at distance 1, shape (..., 2), an array or a tensor.
        dist: OpenCV's first five coefficients, shape (..., 5), which broadcasts with the points.

    Returns:
        Shape (..., 2), in the form of ``distorted``.
    """
    xy = distorted
    for _ in range(_UNDISTORT_STEPS):
        xy = xy + (distorted - _distort(xy, dist)).clip(-_UNDISTORT_LIMIT, _UNDISTORT_LIMIT)
    near, reached = abs(xy - distorted) < _UNDISTORT_LIMIT, abs(distorted - _distort(xy, dist)) < 1e-3
    found = (near & reached).all(-1)[..., None]
    return xy * found + distorted * ~found


def check_camera(camera: Mapping[str, np.ndarray], where: str) -> None:
    """Check that a camera's numbers are sane, ``K`` is a matrix of intrinsics, and ``R`` a rotation.

    Args:
        camera: Some of ``K`` (3, 3) px, ``R`` (3, 3), ``T`` (3,) mm, ``dist`` (5,); world to camera.
        where: File and place, for errors.

    Raises:
        ValueError: If not; names the place and the key, the expected and the found value.
    """
    for key, value in camera.items():
        if not is_sane(value).all():
            raise ValueError(f'{where}: {key!r} must be finite numbers up to {FARTHEST:g}, found {value.tolist()}')
    intrinsics, rotation = camera.get('K'), camera.get('R')
    if intrinsics is not None and not (intrinsics[2] == (0, 0, 1)).all():
        raise ValueError(
            f"{where}: the last row of 'K' must be 0 0 1, found {intrinsics[2].tolist()}; rows, not columns"
        )
    if intrinsics is not None and not (intrinsics.diagonal() > 0).all():
        raise ValueError(f"{where}: focal lengths in 'K' must be above 0, found {intrinsics.diagonal()[:2].tolist()}")
    if rotation is not None:
        off = np.abs(rotation @ rotation.T - np.eye(3)).max()
        if off > _TURN or np.linalg.det(rotation) < 0:
            raise ValueError(f"{where}: 'R' must be a rotation, found {rotation.tolist()}")


def project(points_cam: np.ndarray, camera: dict) -> np.ndarray:
    """Project points into the image.

    Args:
        points_cam: Points in the camera's frame, shape (..., 3), any one unit; the result is meaningful for positive z
            only. For several cameras (N, M, 3).
        camera: The camera (see this module), or several with all their arrays of shape (N, ...); ``R`` and ``T`` are
            not used.

    Returns:
        Pixels, shape (..., 2), float64.
    """
    points = np.asarray(points_cam, np.float64)
    linear, middle, dist = _lens(camera)
    xy = points[..., :2] / points[..., 2:]
    if dist is not None:
        xy = _distort(xy, dist)
    return xy @ np.swapaxes(linear, -1, -2) + middle


def unproject(pixels: np.ndarray, depth: np.ndarray, camera: dict) -> np.ndarray:
    """Return the points seen at pixels, at given depths: the inverse of :func:`project`.

    Args:
        pixels: Pixels of the image, shape (..., 2); for several cameras (N, M, 2).
        depth: Distance along the optical axis (z), shape (...), any unit.
        camera: The camera (see this module), or several with all their arrays of shape (N, ...).

    Returns:
        Points in the camera's frame, shape (..., 3), float64, in the unit of ``depth``.
    """
    linear, middle, dist = _lens(camera)
    xy = (np.asarray(pixels, np.float64) - middle) @ np.swapaxes(np.linalg.inv(linear), -1, -2)
    if dist is not None:
        xy = undistort(xy, dist)
    z = np.asarray(depth, np.float64)[..., None]
    return np.concatenate([xy * z, z], -1)


def _lens(camera: dict) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return K's linear part, its principal point and the distortion, shaped for points (..., 2) or (N, M, 2)."""
    intrinsics, dist = np.asarray(camera['K'], np.float64), camera.get('dist')
    dist = None if dist is None else np.asarray(dist, np.float64)
    if intrinsics.ndim == 2:
        return intrinsics[:2, :2], intrinsics[:2, 2], dist
    return intrinsics[:, :2, :2], intrinsics[:, None, :2, 2], None if dist is None else dist[:, None]


def split_affine(linear: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split a plane's linear map into U Q: U upper triangular with a positive diagonal, Q orthogonal (an RQ split).

    Args:
        linear: Acts on columns of the image plane, shape (..., 2, 2), any unit, invertible.

    Returns:
        U and Q, each of shape (..., 2, 2), float64, U in the unit of ``linear``. det Q is -1 where the map mirrors.

    Raises:
        ValueError: If a matrix is singular or not finite.
    """
    linear = np.asarray(linear, np.float64)
    a, b, c, d = linear[..., 0, 0], linear[..., 0, 1], linear[..., 1, 0], linear[..., 1, 1]
    det, bottom = a * d - b * c, np.hypot(c, d)
    good = (det != 0) & (np.abs(det) < np.inf)
    if not good.all():
        first = linear.reshape(-1, 2, 2)[np.argmin(good)].tolist()
        raise ValueError(f'an image can be moved by invertible affine maps only, found {first}')
    c, d = c / bottom, d / bottom
    upper, orthogonal = np.zeros(linear.shape), np.empty(linear.shape)
    upper[..., 0, 0], upper[..., 0, 1], upper[..., 1, 1] = np.abs(det) / bottom, a * c + b * d, bottom
    sign = np.sign(det)
    orthogonal[..., 0, 0], orthogonal[..., 0, 1] = sign * d, -sign * c
    orthogonal[..., 1, 0], orthogonal[..., 1, 1] = c, d
    return upper, orthogonal


def affine_camera(camera: dict, affine: np.ndarray) -> tuple[dict, np.ndarray]:
    """Return the camera of the image moved by an affine map, and the matrix that takes points into its frame.

    With u' = A u in homogeneous pixels, A K = K' M, where M rotates or mirrors x and y and keeps z, so that the depth
    of a pixel never changes. Points follow by x_cam' = M x_cam, and ``project(x_cam', camera')`` equals the moved
    ``project(x_cam, camera)`` exactly, for every affine map and with distortion: the radial terms are invariant under M
    and the tangential ones rotate with it.

    A map that mirrors would turn ``R`` into a reflection. The world is then mirrored as well, x_world' =
    diag(-1, 1, 1) x_world, so ``R`` stays a rotation; a left hand becomes a right one.

    Args:
        camera: The camera (see this module), or several with all their arrays of shape (N, ...); it is not changed.
            Further keys are kept.
        affine: Maps old pixels of the image to new ones, shape (3, 3) or (N, 3, 3), last row (0, 0, 1).

    Returns:
        The new camera (arrays in float64), and M of shape (..., 3, 3), whose determinant is -1 where the map mirrors.

    Raises:
        ValueError: If a map is singular.
    """
    intrinsics = np.asarray(camera['K'], np.float64)
    linear = affine[..., :2, :2]
    upper, orthogonal = split_affine(linear @ intrinsics[..., :2, :2])
    new_intrinsics, move = np.zeros(affine.shape), np.zeros(affine.shape)
    new_intrinsics[..., :2, :2] = upper
    new_intrinsics[..., :2, 2] = (linear @ intrinsics[..., :2, 2:])[..., 0] + affine[..., :2, 2]
    move[..., :2, :2] = orthogonal
    new_intrinsics[..., 2, 2] = move[..., 2, 2] = 1
    moved = dict(camera, K=new_intrinsics)
    if camera.get('dist') is not None:
        moved['dist'] = np.array(camera['dist'], np.float64)
        # OpenCV's order is (k1, k2, p1, p2, k3), and (p2, p1) is the vector.
        moved['dist'][..., [3, 2]] = (orthogonal @ moved['dist'][..., [3, 2], None])[..., 0]
    if camera.get('R') is not None:
        moved['R'] = move @ camera['R']
        moved['R'][..., 0] *= np.sign(np.linalg.det(orthogonal))[..., None]
        moved['T'] = (move @ np.asarray(camera['T'], np.float64)[..., None])[..., 0]
    return moved, move
