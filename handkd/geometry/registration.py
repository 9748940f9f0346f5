"""Bringing the pictures of two cameras that stand side by side into one view: depth and colour sensors.

Both cameras are dicts as in :mod:`handkd.geometry.camera`. ``R`` and ``T`` (world to camera, mm) of the two tell how
they stand to each other; a camera without them stands in the world's origin.
"""

from __future__ import annotations

import cv2
import numpy as np

from .camera import project, unproject

_MAX_FOOTPRINT = 8
"""Most target pixels along x or y that one source pixel may cover; a surface seen so much larger is not measured."""


def change_camera(points_cam: np.ndarray, source: dict, target: dict) -> np.ndarray:
    """Take points from one camera's frame into another's.

    Args:
        points_cam: Shape (..., 3), mm, in the frame of ``source``.
        source: The camera whose frame they are in.
        target: The camera into whose frame they go.

    Returns:
        Shape (..., 3), float64, mm.
    """
    rotation, translation = _relative_pose(source, target)
    return np.asarray(points_cam, np.float64) @ rotation.T + translation


def register_depth(
    depth: np.ndarray, source: dict, target: dict, size: tuple[int, int], jump: float = 10.0
) -> np.ndarray:
    """Turn one camera's depth map into what another camera would measure.

    Each pixel becomes a point, the point moves to the other camera's frame, and the piece of surface around it covers
    the target pixels whose centres lie in its outline there; the nearest piece wins. Neighbours on one surface meet
    without a gap, whatever the two resolutions are, and the piece is as slanted as they are, so a plane stays a plane.

    Args:
        depth: Shape (H, W), mm along the source's optical axis; 0 where there is no reading.
        source: The camera that measured it.
        target: The camera to whose view it is brought.
        size: (width, height) of the result, px.
        jump: Neighbouring pixels whose depths differ by more (mm) belong to different surfaces. Defaults to 10.0.

    Returns:
        Shape (height, width), float32, mm along the target's optical axis; 0 where no measured surface is seen, such as
        what only the source can see past an edge.
    """
    moved = change_camera(unproject(_pixels(depth.shape), depth, source), source, target)
    z = moved[..., 2].astype(np.float32)
    moved[..., 2] = np.where(z > 0, z, 1.0)
    at = project(moved, target).astype(np.float32)
    wild = ~((depth > 0) & (z > 0) & (np.abs(at) < 1e6).all(-1))
    nominal = _nominal_scale(depth, z, source, target)
    known = np.where(wild, 0, depth).astype(np.float32)
    (down, z_down, tall), (right, z_right, wide) = (_steps(known, at, z, axis, nominal, jump) for axis in (0, 1))

    # The depth's slope along the target's x and y: the steps (right, down) and their change of depth, solved.
    det = right[..., 0] * down[..., 1] - right[..., 1] * down[..., 0]
    det[np.abs(det) <= 1e-6] = np.inf
    slope_x = (z_right * down[..., 1] - z_down * right[..., 1]) / det
    slope_y = (z_down * right[..., 0] - z_right * down[..., 0]) / det
    surface = ~wild
    half = 0.5 * (wide + tall)
    return _nearest_piece(at[surface], z[surface], (slope_x[surface], slope_y[surface]), half[surface], size)


def register_image(image: np.ndarray, source: dict, depth: np.ndarray, target: dict) -> np.ndarray:
    """Turn one camera's image into what a depth camera beside it would photograph, as far as its depth is known.

    Each pixel of the depth map is looked up in the image through its own point. Where something nearer hides the point
    from the image's camera, that thing's colour is found there.

    Args:
        image: Shape (H, W) or (H, W, C), of the camera ``source``.
        source: The camera that took the image.
        depth: Shape (H', W'), mm along the target's optical axis; 0 where there is no reading.
        target: The depth camera.

    Returns:
        Shape (H', W') or (H', W', C), the type of ``image``, bilinear; 0 (black) where there is no depth, or where the
        image ends.
    """
    moved = change_camera(unproject(_pixels(depth.shape), depth, target), target, source)
    seen = (depth > 0) & (moved[..., 2] > 0)
    moved[~seen] = 0, 0, 1
    at = np.where(seen[..., None], project(moved, source), -10.0).astype(np.float32)
    return cv2.remap(image, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)


def _nearest_piece(
    at: np.ndarray, z: np.ndarray, slope: tuple[np.ndarray, np.ndarray], half: np.ndarray, size: tuple[int, int]
) -> np.ndarray:
    """Draw small pieces of surface, each of which covers the pixels within ``half`` (N, 2) of its centre ``at`` (N, 2).

    Returns:
        Shape (height, width), float32: the smallest depth at each pixel, 0 where no piece is.
    """
    width, height = size
    # A hair is added so that a pixel centre on the seam of two pieces belongs to both.
    half = np.minimum(half + 1e-3, _MAX_FOOTPRINT / 2)
    first = np.maximum(np.ceil(at - half), 0).astype(np.int32)
    last = np.minimum(np.floor(at + half), np.subtract(size, 1)).astype(np.int32)
    count = last - first + 1
    result = np.full(height * width, np.inf, np.float32)
    for dy in range(count[:, 1].max(initial=0)):
        rows = np.flatnonzero((count[:, 1] > dy) & (count[:, 0] > 0))
        for dx in range(count[rows, 0].max(initial=0)):
            hit = rows[count[rows, 0] > dx]
            x, y = first[hit, 0] + dx, first[hit, 1] + dy
            piece = z[hit] + slope[0][hit] * (x - at[hit, 0]) + slope[1][hit] * (y - at[hit, 1])
            np.minimum.at(result, y * width + x, piece)
    result[~np.isfinite(result)] = 0
    return result.reshape(height, width)


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


def _steps(
    depth: np.ndarray, at: np.ndarray, z: np.ndarray, axis: int, nominal: np.ndarray, jump: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return how far a step to the next source pixel moves on the target and changes the depth there.

    Of the two neighbours along ``axis`` (0 down, 1 right) the one nearer in depth counts, if it is on the same surface;
    without one the surface is taken to face the camera.

    Returns:
        Movements (H, W, 2), px, changes of depth (H, W), mm, and the farthest that a neighbour on the same surface is
        away (H, W, 2), px, all float32.
    """
    gap = np.abs(np.diff(depth, axis=axis))
    one, other = (slice(None, -1), slice(1, None)) if axis == 0 else (np.s_[:, :-1], np.s_[:, 1:])
    gap[(depth[one] == 0) | (depth[other] == 0) | (gap > jump)] = np.inf
    forward, backward = _both_sides(gap, axis, np.inf)
    ahead, known = forward <= backward, np.minimum(forward, backward) < np.inf

    move = np.diff(at, axis=axis)
    move[gap == np.inf] = 0
    after, before = _both_sides(move, axis, 0)
    facing = np.zeros_like(at)
    facing[..., 1 - axis] = nominal
    step = np.where(known[..., None], np.where(ahead[..., None], after, before), facing)
    # The surfaces of neighbours meet half way, whichever of the two sides is the longer.
    reach = np.where(known[..., None], np.maximum(np.abs(after), np.abs(before)), facing)
    z_after, z_before = _both_sides(np.diff(z, axis=axis), axis, 0)
    return step, np.where(known, np.where(ahead, z_after, z_before), 0), reach


def _both_sides(change: np.ndarray, axis: int, edge: float) -> tuple[np.ndarray, np.ndarray]:
    """Return, for each pixel, the change to the next one along ``axis`` and from the one before."""
    widths = [(0, 0)] * change.ndim
    sides = []
    for pair in ((0, 1), (1, 0)):
        widths[axis] = pair
        sides.append(np.pad(change, widths, constant_values=edge))
    return sides[0], sides[1]
