"""Crop rules: the square to cut out around a hand, and the affine map that cuts it.

A square is (centre, side) in pixels. The centre of the top left pixel is (0, 0), so an image of width W covers
[-0.5, W - 0.5], and a map that resizes keeps the *edges* of the image in place, not the centres of its corner pixels.
Every map acts on homogeneous pixel columns: u' = A u.
"""

from __future__ import annotations

import numpy as np

from handkd.hand import JOINT_INDEX

from .rotations import rotation_2d

ZB_SIZE = 256
"""Side of Zimmermann and Brox's network input in px, to which their rule refers."""
ZB_MARGIN = 1.2
"""Mean side of the 'zb' square over the longer side of the joints' box, over the studio's hands; it varies by 0.23.
The square's centre is off the box's by 0.13 (upright hands) to 0.17 (any) of that side."""
ZB_SIDES = (50.0, 256.0)
"""Smallest and largest side of the 'zb' square, px of the original image."""
HAND_EXTENT = 140.0
"""Mean longer side of the joints' box at the depth of the middle finger's base in mm, over the studio's hands."""


def box_square(box: np.ndarray, factor: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the square around a box, centred on it, with ``factor`` times its longer side.

    Args:
        box: (x1, y1, x2, y2) in px of the image, shape (..., 4).
        factor: Margin; 1.25 leaves an eighth of the box on either side.

    Returns:
        Centre, shape (..., 2), and side, shape (...), in px of the image.

    Raises:
        ValueError: If a box is empty or not finite.
    """
    box = np.asarray(box, np.float64)
    low, high = box[..., :2], box[..., 2:]
    extent = high - low
    side = extent.max(-1) * factor
    good = (side > 0) & (side < np.inf) & (extent.min(-1) >= 0)
    if not good.all():
        first = tuple(box.reshape(-1, 4)[np.argmin(good)].tolist())
        raise ValueError(f'a box must be finite (x1, y1, x2, y2) with x1 < x2 and y1 < y2, found {first}')
    return (low + high) / 2, side


def joint_square(keypoints: np.ndarray, valid: np.ndarray, factor: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the square around the tight box of all labelled joints, seen or not.

    Args:
        keypoints: Joints in px of the image, shape (..., 21, 2).
        valid: Which of them have a label, shape (..., 21), bool.
        factor: As in :func:`box_square`.

    Returns:
        As :func:`box_square`.

    Raises:
        ValueError: If no two joints are labelled at different places.
    """
    count = valid.sum(-1).min()
    if count < 2:
        raise ValueError(f'a crop around the joints needs two that are labelled, found {count}')
    labelled = valid[..., None]
    low = np.where(labelled, keypoints, np.inf).min(-2)
    return box_square(np.concatenate([low, np.where(labelled, keypoints, -np.inf).max(-2)], -1), factor)


def cube_square(
    center: np.ndarray, depth: np.ndarray, intrinsics: np.ndarray, cube: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the square that a metric cube fills at the depth of its centre: side = cube sqrt(fx fy) / z.

    The crop of "normalised metric size" of depth methods (Oberweger et al., DeepPrior, 2015; Neverova et al., 2017,
    section 5): a hand has the same size in it whatever its distance.

    Args:
        center: Pixel of the cube's centre in the image, shape (..., 2).
        depth: Its depth z in mm, shape (...).
        intrinsics: K of its camera, px, shape (..., 3, 3).
        cube: The cube's edge in mm.

    Returns:
        As :func:`box_square`.

    Raises:
        ValueError: If a centre is not finite, or not in front of the camera.
    """
    center, depth = np.asarray(center, np.float64), np.asarray(depth, np.float64)
    good = (depth > 0) & (depth < np.inf) & np.isfinite(center).all(-1)
    if not good.all():
        first = np.argmin(good)
        pixel, z = tuple(center.reshape(-1, 2)[first].tolist()), depth.reshape(-1)[first]
        raise ValueError(f"a cube's centre must be finite and in front of the camera, found pixel {pixel} at {z} mm")
    intrinsics = np.asarray(intrinsics, np.float64)
    return center, cube * np.sqrt(intrinsics[..., 0, 0] * intrinsics[..., 1, 1]) / depth


def found_square(
    rule: str, size: float, center: np.ndarray, depth: np.ndarray, intrinsics: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the square around a hand found in depth: a cube's, or as large as a rule's around a mean hand.

    Args:
        rule: 'square', 'box', 'zb' or 'cube'.
        size: The cube's edge in mm for 'cube', and the factor on the box for 'square' and 'box'; not used for 'zb'.
        center: Pixel of the hand in the image, shape (..., 2).
        depth: Its depth z in mm, shape (...).
        intrinsics: K of its camera, px, shape (..., 3, 3).

    Returns:
        As :func:`box_square`.

    Raises:
        ValueError: As :func:`cube_square`.
    """
    edge = dict(cube=size, zb=ZB_MARGIN * HAND_EXTENT).get(rule, size * HAND_EXTENT)
    center, side = cube_square(center, depth, intrinsics, edge)
    return center, np.clip(side, *ZB_SIDES) if rule == 'zb' else side


def zb_square(keypoints: np.ndarray, visible: np.ndarray, image_size: tuple[int, int]) -> tuple[np.ndarray, float]:
    """Return the square of Zimmermann and Brox (ICCV 2017, their ``BinaryDbReader``).

    The centre is the joint at the base of the middle finger. The size is twice the largest distance along x or y of a
    visible joint, clipped to the image, from it, clamped to [50, 500] px; without a visible joint it is 200 px. The
    crop is then scaled to 256 px by clip(256 / size, 1, 10): a hand wider than 256 px is cut off, never shrunk.

    Their code puts the centre on pixel 128 of the crop; :func:`crop_matrix` puts it in the middle, at 127.5.

    Args:
        keypoints: Joints in px of the image, shape (21, 2).
        visible: Which joints are visible, shape (21,), bool.
        image_size: (width, height) in px.

    Returns:
        The centre, shape (2,), and the side in px, from 50 to 256.

    Raises:
        ValueError: If the centre is not finite.
    """
    centre = np.asarray(keypoints[JOINT_INDEX['middle_mcp']], np.float64)
    if not np.isfinite(centre).all():
        raise ValueError(f'the Z&B crop is centred on middle_mcp, whose pixel is {tuple(centre)}')
    size = 200.0
    if visible.any():
        low = np.maximum(keypoints[visible].min(0), 0.0)
        high = np.minimum(keypoints[visible].max(0), image_size)
        size = float(np.clip(2 * np.maximum(high - centre, centre - low).max(), 50.0, 500.0))
    return centre, ZB_SIZE / float(np.clip(ZB_SIZE / size, 1.0, 10.0))


def crop_matrix(
    center: np.ndarray,
    side: float | np.ndarray,
    size: int,
    rotation: float | np.ndarray = 0.0,
    flip: tuple[bool, bool] | np.ndarray = (False, False),
) -> np.ndarray:
    """Return the map that cuts a square out of an image and scales it to ``size`` x ``size`` px.

    Args:
        center: The square's centre in px of the image, shape (..., 2).
        side: The square's side in px of the image, shape (...).
        size: Side of the crop in px.
        rotation: In degrees, shape (...); the content is rotated clockwise by it, about the centre. Defaults to 0.0.
        flip: Whether the crop is mirrored horizontally, and vertically, shape (..., 2), bool. Defaults to
            (False, False).

    Returns:
        Map of pixels of the image to those of the crop, shape (..., 3, 3), float64.
    """
    center, flip = np.asarray(center, np.float64), np.asarray(flip)
    matrix = np.zeros((*center.shape[:-1], 3, 3))
    linear = rotation_2d(rotation) * np.divide(size, side)[..., None, None]
    matrix[..., :2, :2] = linear * (1 - 2 * flip)[..., None]
    matrix[..., :2, 2] = (size - 1) / 2 - (matrix[..., :2, :2] @ center[..., None])[..., 0]
    matrix[..., 2, 2] = 1
    return matrix


def original_pixels(points: np.ndarray, warp_matrix: np.ndarray) -> np.ndarray:
    """Convert pixels of a cropped, resized or rotated image to the original image, where 2D errors are measured.

    Args:
        points: Pixels of the present image, shape (..., 2).
        warp_matrix: Shape (3, 3), last row (0, 0, 1): maps pixels of the original image to those of the present one.

    Returns:
        Pixels of the original image, shape (..., 2), float64.
    """
    inverse = np.linalg.inv(np.asarray(warp_matrix, np.float64))
    return np.asarray(points, np.float64) @ inverse[:2, :2].T + inverse[:2, 2]


def resize_matrix(old: tuple[int, int], new: tuple[int, int]) -> np.ndarray:
    """Return the map (3, 3) that resizes an image from (width, height) ``old`` to ``new``: u' = (u + 0.5) s - 0.5."""
    scale = np.divide(new, old)
    return np.array([[scale[0], 0.0, scale[0] / 2 - 0.5], [0.0, scale[1], scale[1] / 2 - 0.5], [0.0, 0.0, 1.0]])


def flip_matrix(size: tuple[int, int], horizontal: bool, vertical: bool) -> np.ndarray:
    """Return the map (3, 3) that mirrors an image of (width, height) ``size``: u' = W - 1 - u and v' = H - 1 - v."""
    matrix = np.eye(3)
    for axis, mirrored in enumerate((horizontal, vertical)):
        if mirrored:
            matrix[axis, axis], matrix[axis, 2] = -1.0, size[axis] - 1.0
    return matrix
