"""Hands drawn as skeletons: on their image, and in 3D in orthographic views."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from .hand import BONES, FINGERS, NUM_JOINTS

FINGER_COLORS: dict[str, tuple[int, int, int]] = {
    'thumb': (46, 87, 226),
    'index': (18, 160, 240),
    'middle': (90, 175, 60),
    'ring': (214, 140, 36),
    'little': (190, 80, 160),
}
"""BGR colour of each finger's bones and joints."""

WRIST_COLOR = (90, 90, 90)
REFERENCE_COLOR = (165, 165, 165)
"""Grey of the reference skeleton, the ground truth."""

MARK_COLOR = (0, 0, 255)
"""BGR colour of the rings around marked joints; a white border separates them from the thumb and from skin."""

VIEWS: dict[str, tuple[tuple[int, int], tuple[int, int], tuple[int, int]]] = {
    'front': ((0, 1), (1, 1), (2, 1)),
    'side': ((2, 1), (1, 1), (0, -1)),
    'top': ((0, 1), (2, -1), (1, 1)),
}
"""View -> (axis, sign) that points right, down and away in the image, in camera axes x right, y down, z forward.

'front' looks along the camera; 'side' looks at the hand from its right, with the camera to the left; 'top' looks down
on it, with the camera below.
"""

SUPERSAMPLING = 3
"""Supersampling factor of 3D drawings on paper and in reports, for smooth lines."""

_SHIFT = 4  # fractional bits of cv2's sub-pixel coordinates
_RING = 3.5  # radius of a ring around a marked joint, in widths of the skeleton's lines


def joint_color(joint: int) -> tuple[int, int, int]:
    """BGR colour of a joint and of the bone that ends at it."""
    return WRIST_COLOR if joint == 0 else FINGER_COLORS[FINGERS[(joint - 1) // 4]]


def draw_skeleton(
    image: np.ndarray,
    keypoints: np.ndarray,
    reference: np.ndarray | None = None,
    min_size: int = 256,
    marked: np.ndarray | None = None,
) -> np.ndarray:
    """Draw a hand's joints and bones on its image.

    Args:
        image: BGR, uint8, shape (H, W, 3); it is not changed.
        keypoints: Joints in px of ``image`` with pixel centres at integers, shape (21, 2). Joints that are not finite,
            and their bones, are left out.
        reference: True joints, drawn in grey beneath, px, shape (21, 2).
        min_size: A smaller image is first enlarged by the least whole factor that gives its longer side this length,
            so that lines are thin relative to the hand.
        marked: Joints with a red ring, shape (21,), bool. Defaults to None: none.

    Returns:
        The image, uint8, shape (H', W', 3), where H' and W' are whole multiples of H and W.
    """
    height, width = image.shape[:2]
    factor = -(-min_size // max(height, width))
    if factor > 1:
        canvas = cv2.resize(image, (width * factor, height * factor), interpolation=cv2.INTER_CUBIC)
    else:
        factor, canvas = 1, image.copy()
    thickness = max(2, round(max(canvas.shape[:2]) / 130))
    if reference is not None:
        draw_bones(canvas, (np.asarray(reference) + 0.5) * factor - 0.5, thickness + 1, REFERENCE_COLOR)
    points = (np.asarray(keypoints) + 0.5) * factor - 0.5
    draw_bones(canvas, points, thickness)
    _ring(canvas, points, thickness, marked)
    return canvas


def draw_skeleton_3d(
    keypoints: np.ndarray,
    view: str = 'side',
    reference: np.ndarray | None = None,
    size: int = 256,
    marked: np.ndarray | None = None,
    supersampling: int = SUPERSAMPLING,
) -> np.ndarray:
    """Draw a hand in 3D, orthographically, on a light square.

    The scale fits the hand (and the reference) in every view, so that the views of one hand match. The
    skeletons keep their relative position.

    Args:
        keypoints: Joints in camera axes, shape (21, 3), any unit.
        view: One of :data:`VIEWS`.
        reference: True joints in the same unit and frame, drawn in grey beneath, shape (21, 3). Joints that are not
            finite, and their bones, are left out.
        size: Side of the image in px.
        marked: Joints with a red ring, shape (21,), bool. Defaults to None: none.
        supersampling: Factor at which it is drawn, then scaled down; 1 is fastest. Defaults to :data:`SUPERSAMPLING`.

    Returns:
        The image, BGR, uint8, shape (size, size, 3).

    Raises:
        ValueError: If the view is unknown, or ``keypoints`` are not finite.
    """
    if view not in VIEWS:
        raise ValueError(f'no view named {view!r}; expected one of {sorted(VIEWS)}')
    hands = [np.asarray(hand, np.float64) for hand in (reference, keypoints) if hand is not None]
    points = np.concatenate(hands)
    if points.shape != (len(hands) * NUM_JOINTS, 3) or not np.isfinite(hands[-1]).all():
        raise ValueError(f'expected finite joints of shape ({NUM_JOINTS}, 3), found {[hand.shape for hand in hands]}')
    points = points[np.isfinite(points).all(-1)]
    centre = (points.min(0) + points.max(0)) / 2
    extent = max(np.ptp(points, axis=0).max(), 1e-9)

    canvas = light_square(supersampling * size, supersampling)
    large = len(canvas)
    right, down, away = VIEWS[view]
    thickness = max(round(4 * supersampling / 3), large // 80)
    for hand in hands:
        flat = np.stack([(hand - centre)[:, axis] * sign for axis, sign in (right, down)], axis=-1)
        points = flat / extent * 0.86 * large + large / 2
        depth = hand[:, away[0]] * away[1]
        order = np.argsort([-(depth[a] + depth[b]) for a, b in BONES])  # far bones first
        color = REFERENCE_COLOR if reference is not None and hand is hands[0] else None
        draw_bones(canvas, points, thickness, color, order)
    _ring(canvas, points, thickness, marked)
    return canvas if supersampling == 1 else cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA)


def light_square(side: int, width: int = SUPERSAMPLING) -> np.ndarray:
    """Return the background of 3D drawings, with a grid: BGR, uint8, shape (side, side, 3).

    Args:
        side: Its side, px.
        width: Width of the grid's lines, px. Defaults to :data:`SUPERSAMPLING`.
    """
    canvas = np.full((side, side, 3), 250, np.uint8)
    for line in np.linspace(0, side - 1, 6).round().astype(int):
        cv2.line(canvas, (line, 0), (line, side - 1), (232, 232, 232), width)
        cv2.line(canvas, (0, line), (side - 1, line), (232, 232, 232), width)
    return canvas


def draw_bones(
    canvas: np.ndarray,
    points: np.ndarray,
    thickness: int,
    color: tuple[int, int, int] | None = None,
    order: Sequence[int] | None = None,
) -> None:
    """Draw bones into an image, each with its joints.

    Args:
        canvas: BGR, uint8, shape (H, W, 3); it is drawn into.
        points: Joints in px of the canvas, shape (21, 2). Those that are not finite, and their bones, are left out.
        thickness: Width of the lines, px.
        color: BGR colour of all. Defaults to None: the fingers' colours.
        order: Indices of the bones in the order of drawing. Defaults to None: that of :data:`~handkd.hand.BONES`.
    """
    finite = np.isfinite(points).all(-1)
    places, finite = _fixed(np.where(finite[:, None], points, 0.0)), finite.tolist()
    radius = int(thickness * 0.9 * 2**_SHIFT)
    for bone in range(len(BONES)) if order is None else order:
        parent, child = BONES[bone]
        if finite[parent] and finite[child]:
            cv2.line(canvas, places[parent], places[child], color or joint_color(child), thickness, cv2.LINE_AA, _SHIFT)
        for joint in (parent, child):
            if finite[joint]:
                cv2.circle(canvas, places[joint], radius, color or joint_color(joint), -1, cv2.LINE_AA, _SHIFT)


def _ring(canvas: np.ndarray, points: np.ndarray, thickness: int, marked: np.ndarray | None) -> None:
    """Draw a ring around each marked joint that is finite, wide enough to leave the joint visible."""
    if marked is None:
        return
    radius = int(thickness * _RING * 2**_SHIFT)
    for width, color in ((2 * thickness, (255, 255, 255)), (thickness, MARK_COLOR)):
        for place in _fixed(points[np.asarray(marked) & np.isfinite(points).all(-1)]):
            cv2.circle(canvas, place, radius, color, width, cv2.LINE_AA, _SHIFT)


def _fixed(points: np.ndarray) -> list[tuple[int, int]]:
    """Points (N, 2) in cv2's fixed-point coordinates."""
    return [tuple(point) for point in np.clip(points * 2**_SHIFT, -(2**28), 2**28).round().astype(int).tolist()]
