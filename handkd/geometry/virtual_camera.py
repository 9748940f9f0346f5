"""A camera turned onto a point of another camera's image, and the image that it sees."""

from __future__ import annotations

from math import ceil

import cv2
import numpy as np

from handkd.compiling import njit

from .camera import project, unproject
from .rotations import rotation_2d
from .warping import MAX_SUPERSAMPLING, STEP


def turn_onto(pixel: np.ndarray, rotation: float | np.ndarray, camera: dict) -> np.ndarray:
    """Return the rotation of a camera's axes after which its optical axis goes through a pixel.

    Args:
        pixel: The pixel (2,), px; for several cameras (N, 2).
        rotation: Clockwise in-plane rotation of the image, in degrees; for several cameras (N,).
        camera: The camera, or several with all their arrays of shape (N, ...).

    Returns:
        R_z R_corr, shape (..., 3, 3), float64: x_cam' = R_z R_corr x_cam. R_corr is the smallest rotation.
    """
    pixel = np.asarray(pixel, np.float64)[..., None, :]
    ray = unproject(pixel, np.ones(pixel.shape[:-1]), camera)[..., 0, :]
    x, y, z = np.moveaxis(ray / np.linalg.norm(ray, axis=-1, keepdims=True), -1, 0)
    # Rodrigues' formula for the rotation that takes (x, y, z) to (0, 0, 1), with 1 / (1 + cos) for (1 - cos) / sin^2.
    cross, turn = np.zeros((*z.shape, 3, 3)), np.zeros((*z.shape, 3, 3))
    cross[..., 0, 2], cross[..., 1, 2], cross[..., 2, 0], cross[..., 2, 1] = -x, -y, x, y
    matrix = np.eye(3) + cross + cross @ cross / (1 + z)[..., None, None]
    turn[..., :2, :2] = rotation_2d(rotation)
    turn[..., 2, 2] = 1
    return turn @ matrix


def virtual_camera(
    center: np.ndarray, side: np.ndarray, rotation: np.ndarray, camera: dict, size: int
) -> tuple[dict, np.ndarray]:
    """Return cameras that look at the centres of squares, each of which fills its image.

    Args:
        center: Centres of the squares in px of the images, shape (N, 2).
        side: Their sides in px of the images, shape (N,).
        rotation: Clockwise in-plane rotation of the results, in degrees, shape (N,).
        camera: The cameras, all their arrays of shape (N, ...).
        size: Side of the results in px.

    Returns:
        The new cameras, with square pixels, no distortion and the principal point in the middle; and the rotations
        (N, 3, 3) of the old camera axes to the new ones.
    """
    move = turn_onto(center, rotation, camera)
    new = {key: value for key, value in camera.items() if key != 'dist'}
    focal = np.sqrt(camera['K'][:, 0, 0] * camera['K'][:, 1, 1])
    new['K'] = np.zeros((len(move), 3, 3))
    new['K'][:, 0, 0] = new['K'][:, 1, 1] = size / side * focal / move[:, 2, 2]
    new['K'][:, :2, 2] = (size - 1) / 2
    new['K'][:, 2, 2] = 1
    if 'R' in camera:
        new['R'] = move @ camera['R']
        new['T'] = (move @ np.asarray(camera['T'], np.float64)[..., None])[..., 0]
    return new, move


def turn_points(pixels: np.ndarray, move: np.ndarray, old: dict, new: dict) -> np.ndarray:
    """Return pixels of the old cameras' images in the new ones.

    Args:
        pixels: Shape (N, M, 2), px.
        move: Rotations of the old camera axes to the new ones, shape (N, 3, 3).
        old: The old cameras, all their arrays of shape (N, ...).
        new: The new cameras.

    Returns:
        Shape (N, M, 2), px, float64.
    """
    rays = unproject(pixels, np.ones(pixels.shape[:-1]), old)
    return project(rays @ np.swapaxes(move, 1, 2), new)


def points_per_pixel(move: np.ndarray, old: dict, new: dict, size: int) -> list[int]:
    """Return the number of points of the old image, along x and along y, that each new pixel averages.

    Args:
        move: Rotations of the old camera axes to the new ones, shape (N, 3, 3).
        old: The old cameras, all their arrays of shape (N, ...).
        new: The new cameras.
        size: Side of the new images in px.
    """
    steps = np.linspace(0, size - 1, 3)
    grid = np.broadcast_to(np.stack(np.meshgrid(steps, steps), -1).reshape(9, 2), (len(move), 9, 2))
    probe = turn_points(grid, np.swapaxes(move, 1, 2), new, old).reshape(-1, 3, 3, 2)
    reach = np.linalg.norm(np.diff(probe, axis=1), axis=-1).max((1, 2)) / max(steps[1], 1)
    return [min(max(ceil(length / STEP - 1e-9), 1), MAX_SUPERSAMPLING) for length in reach.tolist()]


def turn_picture(
    picture: np.ndarray, maps: tuple[np.ndarray, np.ndarray], fine: int, border: int, out: np.ndarray
) -> None:
    """Resample a picture as another camera at the same place sees it.

    Args:
        picture: Shape (H, W, 3), uint8.
        maps: Positions in it, of :func:`look_up`, as OpenCV's fixed-point maps (``cv2.convertMaps``).
        fine: Points per pixel of the result along x and along y, which are averaged.
        border: Value outside the picture.
        out: The result, shape (size, size, 3), uint8.
    """
    points = out if fine == 1 else np.empty((*maps[0].shape[:2], 3), np.uint8)
    cv2.remap(picture, *maps, cv2.INTER_LINEAR, dst=points, borderValue=(border,) * 3)
    if fine > 1:
        cv2.resize(points, out.shape[:2], dst=out, interpolation=cv2.INTER_AREA)


@njit(cache=True, nogil=True, error_model='numpy')
def look_up(
    size: int, fine: int, rays: np.ndarray, intrinsics: np.ndarray, dist: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions in an image of the pixels of another camera at the same place.

    Args:
        size: Side of the other camera's image in px.
        fine: Points per pixel along x and along y.
        rays: Homogeneous pixels of the other camera -> rays in the image's camera, shape (3, 3), float64.
        intrinsics: K of the image's camera, shape (3, 3), float64.
        dist: Its distortion, shape (5,), float64; 0 for none, and then the map is the homography K rays.

    Returns:
        Columns and rows, shape (size * fine, size * fine), float32, px, as by :func:`handkd.geometry.project`.
    """
    k1, k2, p1, p2, k3 = dist[0], dist[1], dist[2], dist[3], dist[4]
    bent = k1 != 0 or k2 != 0 or p1 != 0 or p2 != 0 or k3 != 0
    columns = np.empty((size * fine, size * fine), np.float32)
    rows = np.empty_like(columns)
    for i in range(size * fine):
        v = (i + 0.5) / fine - 0.5
        for j in range(size * fine):
            u = (j + 0.5) / fine - 0.5
            z = rays[2, 0] * u + rays[2, 1] * v + rays[2, 2]
            x = (rays[0, 0] * u + rays[0, 1] * v + rays[0, 2]) / z
            y = (rays[1, 0] * u + rays[1, 1] * v + rays[1, 2]) / z
            if bent:
                r2 = x * x + y * y
                factor = 1 + r2 * (k1 + r2 * (k2 + r2 * k3)) + 2 * (p2 * x + p1 * y)
                x, y = x * factor + r2 * p2, y * factor + r2 * p1
            columns[i, j] = intrinsics[0, 0] * x + intrinsics[0, 1] * y + intrinsics[0, 2]
            rows[i, j] = intrinsics[1, 0] * x + intrinsics[1, 1] * y + intrinsics[1, 2]
    return columns, rows
