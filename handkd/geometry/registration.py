"""Registration of the images of two cameras mounted side by side: depth and colour sensors.

Both cameras are dicts as in :mod:`handkd.geometry.camera`. ``R`` and ``T`` (world to camera, mm) of both give their
relative pose; a camera without them is in the world's origin.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from handkd.compiling import njit

from .camera import project, unproject

_MAX_FOOTPRINT = 8
"""Most target pixels along x or y that one source pixel may cover; a surface enlarged more is not measured."""


def change_camera(points_cam: np.ndarray, source: dict, target: dict) -> np.ndarray:
    """Transform points from one camera's frame into another's.

    Args:
        points_cam: Shape (..., 3), mm, in the frame of ``source``.
        source: The camera whose frame they are in.
        target: The camera into whose frame they are transformed.

    Returns:
        Shape (..., 3), float64, mm, in the frame of ``target``.
    """
    rotation, translation = _relative_pose(source, target)
    return np.asarray(points_cam, np.float64) @ rotation.T + translation


def register_depth(
    depth: np.ndarray, source: dict, target: dict, size: tuple[int, int], jump: float = 10.0
) -> np.ndarray:
    """Convert one camera's depth map to the one that another camera would measure.

    Each pixel becomes a point in the other camera's frame, and the piece of surface around it covers the target pixels
    whose centres lie in its outline there; the nearest piece wins. Neighbours on one surface meet without a gap,
    whatever the two resolutions are, and a piece has the slant of its neighbours, so a plane stays a plane.

    Args:
        depth: Shape (H, W), mm along the source's optical axis; 0 where there is no reading.
        source: The camera that measured it.
        target: The camera of the resulting view.
        size: (width, height) of the result, px.
        jump: Neighbouring pixels whose depths differ by more (mm) belong to different surfaces. Defaults to 10.0.

    Returns:
        Shape (height, width), float32, mm along the target's optical axis; 0 where no measured surface is seen, such as
        where an edge hides a surface from the source.
    """
    moved = change_camera(unproject(_pixels(depth.shape), depth, source), source, target)
    z = moved[..., 2].astype(np.float32)
    moved[..., 2] = np.where(z > 0, z, 1.0)
    at = project(moved, target).astype(np.float32)
    wild = ~((depth > 0) & (z > 0) & (np.abs(at) < 1e6).all(-1))
    known = np.where(wild, 0, depth).astype(np.float32)
    result = np.full((size[1], size[0]), np.inf, np.float32)
    _draw_pieces(known, at, z, _nominal_scale(depth, z, source, target), np.float32(jump), result)
    result[~np.isfinite(result)] = 0
    return result


def register_image(image: np.ndarray, source: dict, depth: np.ndarray, target: dict) -> np.ndarray:
    """Warp one camera's image into the view of a depth camera beside it, where the depth is known.

    Each pixel of the depth map is looked up in the image through its point in space. If a nearer object hides the point
    from the image's camera, the pixel gets that object's colour.

    Args:
        image: Shape (H, W) or (H, W, C), any unit, of the camera ``source``.
        source: The camera that took the image.
        depth: Shape (H', W'), mm along the target's optical axis; 0 where there is no reading.
        target: The depth camera.

    Returns:
        Shape (H', W') or (H', W', C), dtype of ``image``, bilinear; 0 (black) where there is no depth, or outside of
        the image.
    """
    moved = change_camera(unproject(_pixels(depth.shape), depth, target), target, source)
    seen = (depth > 0) & (moved[..., 2] > 0)
    moved[~seen] = 0, 0, 1
    at = np.where(seen[..., None], project(moved, source), -10.0).astype(np.float32)
    return cv2.remap(image, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)


@njit(cache=True, nogil=True, error_model='numpy')
def _draw_pieces(
    depth: np.ndarray, at: np.ndarray, z: np.ndarray, nominal: np.ndarray, jump: float, result: np.ndarray
) -> None:
    """Draw the piece of surface around each pixel with a depth; ``result`` keeps the nearest one.

    Args:
        depth: Of the source, shape (H, W), mm, 0 where there is none.
        at: Target pixels of the source's pixels, shape (H, W, 2), px.
        z: Their depth in the target's frame, shape (H, W), mm.
        nominal: Size of a source pixel in target pixels if the surface faces the camera, shape (H, W), px.
        jump: Largest difference of depth between neighbours on one surface, mm.
        result: Depth in the target's frame, shape (height, width), mm, infinity where nothing is drawn; changed.
    """
    height, width = result.shape
    for row in range(depth.shape[0]):
        for col in range(depth.shape[1]):
            if depth[row, col] == 0:
                continue
            size = nominal[row, col]
            ax, ay, az, wide, tall = _step(depth, at, z, row, col, 0, 1, jump, size, np.float32(0))  # right
            bx, by, bz, wide2, tall2 = _step(depth, at, z, row, col, 1, 0, jump, np.float32(0), size)  # down
            # The depth's slope along x and y, solved from the two steps and their change of depth.
            det = ax * by - ay * bx
            slope_x, slope_y = np.float32(0), np.float32(0)
            if abs(det) > 1e-6:
                slope_x, slope_y = (az * by - bz * ay) / det, (bz * ax - az * bx) / det
            # 1e-3 is added so that a pixel centre on the seam of two pieces belongs to both.
            half_x = min(0.5 * (wide + wide2) + 1e-3, _MAX_FOOTPRINT / 2)
            half_y = min(0.5 * (tall + tall2) + 1e-3, _MAX_FOOTPRINT / 2)
            x, y = at[row, col, 0], at[row, col, 1]
            for v in range(max(math.ceil(y - half_y), 0), min(math.floor(y + half_y), height - 1) + 1):
                for u in range(max(math.ceil(x - half_x), 0), min(math.floor(x + half_x), width - 1) + 1):
                    piece = z[row, col] + slope_x * (u - x) + slope_y * (v - y)
                    if piece < result[v, u]:
                        result[v, u] = piece


@njit(cache=True, nogil=True, error_model='numpy')
def _step(
    depth: np.ndarray,
    at: np.ndarray,
    z: np.ndarray,
    row: int,
    col: int,
    down: int,
    right: int,
    jump: float,
    facing_x: float,
    facing_y: float,
) -> tuple[float, float, float, float, float]:
    """Return the shift on the target (x, y) and the change of depth there per step to the next source pixel.

    Of the two neighbours along a direction the one nearer in depth counts, if it is on the same surface; without one
    the surface is assumed to face the camera. The pieces of neighbours meet half way, even if one side is longer: the
    last two results are the distances of the farther neighbour along x and y.
    """
    here = depth[row, col]
    ahead = behind = np.float32(np.inf)
    if row + down < depth.shape[0] and col + right < depth.shape[1] and depth[row + down, col + right] > 0:
        ahead = abs(depth[row + down, col + right] - here)
    if row >= down and col >= right and depth[row - down, col - right] > 0:
        behind = abs(here - depth[row - down, col - right])
    x = y = change = wide = tall = np.float32(0)
    if behind <= jump:
        x = at[row, col, 0] - at[row - down, col - right, 0]
        y = at[row, col, 1] - at[row - down, col - right, 1]
        change = z[row, col] - z[row - down, col - right]
        wide, tall = abs(x), abs(y)
    if ahead <= jump:
        u = at[row + down, col + right, 0] - at[row, col, 0]
        v = at[row + down, col + right, 1] - at[row, col, 1]
        wide, tall = max(wide, abs(u)), max(tall, abs(v))
        if ahead <= behind:
            x, y, change = u, v, z[row + down, col + right] - z[row, col]
    if ahead > jump and behind > jump:
        return facing_x, facing_y, np.float32(0), facing_x, facing_y
    return x, y, change, wide, tall


def _relative_pose(source: dict, target: dict) -> tuple[np.ndarray, np.ndarray]:
    """Return R and T of x_target = R x_source + T."""
    r_source, r_target = (np.eye(3) if c.get('R') is None else np.asarray(c['R'], np.float64) for c in (source, target))
    t_source, t_target = (
        np.zeros(3) if c.get('T') is None else np.asarray(c['T'], np.float64) for c in (source, target)
    )
    rotation = r_target @ r_source.T
    return rotation, t_target - rotation @ t_source


def _pixels(shape: tuple[int, int]) -> np.ndarray:
    """Return the pixel coordinates (u, v) of a map, shape (H, W, 2)."""
    return np.stack(np.meshgrid(np.arange(shape[1]), np.arange(shape[0])), -1)


def _nominal_scale(depth: np.ndarray, z: np.ndarray, source: dict, target: dict) -> np.ndarray:
    """Return how many target pixels a source pixel spans on a surface that faces both cameras, shape (H, W)."""
    focal = [np.sqrt(abs(np.linalg.det(np.asarray(camera['K'], np.float64)[:2, :2]))) for camera in (target, source)]
    return (focal[0] / focal[1] * depth / np.where(z > 0, z, 1.0)).astype(np.float32)
