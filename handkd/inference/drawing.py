"""Results drawn on pictures and video frames, with OpenCV alone, fast enough for live video."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import cv2
import numpy as np

from handkd.hand import NUM_JOINTS, SIDES
from handkd.skeleton_drawing import draw_bones, draw_skeleton_3d, light_square

SIDE_COLORS: dict[str | None, tuple[int, int, int]] = {
    'left': (200, 110, 20),
    'right': (20, 110, 235),
    None: (110, 110, 110),
}
"""BGR colour of the box and the label of a left hand, a right hand, and one whose side is unknown."""
VIEWS_3D: tuple[str, ...] = ('front', 'side')
"""Views of each hand in a combined frame, from above; see :data:`handkd.skeleton_drawing.VIEWS`."""
_GREY = (110, 110, 110)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_FONT_HEIGHT = 22  # px of a capital letter at scale 1


def draw_hands(image: np.ndarray, hands: Sequence[Mapping], boxes: bool = True, labels: bool = True) -> np.ndarray:
    """Draw hands on their image.

    Lines are as wide as suits the hand, within limits for the image, so that a small hand is not covered by them.

    Args:
        image: BGR, uint8, shape (H, W, 3); it is not changed.
        hands: Results of one image. Used are ``keypoints`` (21, 2), px of the image (another number of joints, as of
            NYU, is drawn as dots); and where present and not None
            ``box`` (x, y, width, height), px of the image, ``side``, ``side_score`` and ``track``. Joints that are not
            finite are left out.
        boxes: Whether boxes are drawn. Defaults to True.
        labels: Whether side, its score and the number of the track are written. Defaults to True.

    Returns:
        BGR, uint8, shape (H, W, 3).
    """
    canvas = np.ascontiguousarray(image).copy()
    for hand in hands:
        points = np.asarray(hand['keypoints'], np.float64)
        color = SIDE_COLORS[hand.get('side')]
        box = _box(hand, points)
        if boxes and hand.get('box') is not None and box is not None:
            low, high = _corners(box)
            cv2.rectangle(canvas, low, high, color, max(1, _line_width(image, box) // 2))
        if len(points) == NUM_JOINTS:
            draw_bones(canvas, points, _line_width(image, box))
        else:
            _draw_dots(canvas, points, _line_width(image, box), color)
        if labels and box is not None:
            _write(canvas, label_text(hand), _corners(box)[0], color)
    return canvas


def draw_hand_3d(keypoints_3d: np.ndarray, size: int = 240, view: str = 'front') -> np.ndarray:
    """Draw a hand in 3D, orthographically, on a light square.

    Args:
        keypoints_3d: Joints in camera axes (x right, y down, z forward), shape (21, 3), any unit.
        size: Side of the image, px. Defaults to 240.
        view: One of :data:`handkd.skeleton_drawing.VIEWS`. Defaults to 'front'.

    Returns:
        BGR, uint8, shape (size, size, 3).

    Raises:
        ValueError: If the view is unknown, or a joint is not finite.
    """
    return draw_skeleton_3d(keypoints_3d, view, size=size, supersampling=1)


def draw_frame(
    image: np.ndarray, hands: Sequence[Mapping], columns: int = 2, views: Sequence[str] = VIEWS_3D
) -> np.ndarray:
    """Draw hands on their image, and to its right each hand in 3D: one column per hand, one row per view.

    The size depends on the image alone, so that the frames of a video match. A left hand takes the first column and a
    right one the second if it is free, so that a hand keeps its column; hands beyond the columns have no 3D view.

    Args:
        image: BGR, uint8, shape (H, W, 3); it is not changed.
        hands: Results of one image, as in :func:`draw_hands`; those with finite ``keypoints_3d`` (21, 3), any unit,
            are drawn in 3D.
        columns: Number of columns. Defaults to 2.
        views: Views from top to bottom, of :data:`handkd.skeleton_drawing.VIEWS`. Defaults to :data:`VIEWS_3D`.

    Returns:
        BGR, uint8, shape (H, W + columns * (H // number of views), 3).
    """
    height, width = image.shape[:2]
    cell = height // len(views)
    frame = np.full((height, width + columns * cell, 3), 250, np.uint8)
    frame[:, :width] = draw_hands(image, hands)
    for column, hand in enumerate(_by_column(hands, columns)):
        x = width + column * cell
        for row, view in enumerate(views):
            square = _empty_cell(cell) if hand is None else draw_hand_3d(hand['keypoints_3d'], cell, view)
            frame[row * cell : (row + 1) * cell, x : x + cell] = square
            if hand is not None:
                place = (x + 4, (row + 1) * cell - 5)
                cv2.putText(frame, f'{label_text(hand)} {view}', place, _FONT, cell / 600, _GREY, 1, cv2.LINE_AA)
    return frame


def label_text(hand: Mapping) -> str:
    """Return the label of a hand, such as ``'right 0.97 #3'``: side, its score, and number of the track.

    Args:
        hand: A result, as in :func:`draw_hands`.
    """
    score, track = hand.get('side_score'), hand.get('track')
    parts = [
        hand.get('side') or 'hand',
        None if score is None or not hand.get('side') else f'{score:.2f}',
        None if track is None else f'#{track}',
    ]
    return ' '.join(part for part in parts if part)


def _by_column(hands: Sequence[Mapping], columns: int) -> list[Mapping | None]:
    """Return the hand of each column, None for an empty one."""
    placed: list[Mapping | None] = [None] * columns
    for hand in hands:
        joints = hand.get('keypoints_3d')
        if joints is None or np.shape(joints) != (NUM_JOINTS, 3) or not np.isfinite(np.asarray(joints)).all():
            continue
        wanted = SIDES.index(hand['side']) if hand.get('side') in SIDES else 0
        free = [column for column in range(columns) if placed[column] is None]
        if free:
            placed[wanted if wanted in free else free[0]] = hand
    return placed


@lru_cache(maxsize=4)
def _empty_cell(size: int) -> np.ndarray:
    return light_square(size, 1)


def _draw_dots(canvas: np.ndarray, points: np.ndarray, width: int, color: tuple[int, int, int]) -> None:
    for x, y in np.clip(points[np.isfinite(points).all(-1)], -(2**15), 2**15).round().astype(int).tolist():
        cv2.circle(canvas, (x, y), width, color, -1, cv2.LINE_AA)


def _box(hand: Mapping, points: np.ndarray) -> np.ndarray | None:
    """Return (x1, y1, x2, y2) of a hand: its box, or the tight box of its joints; None without either."""
    if hand.get('box') is not None:
        x, y, width, height = np.asarray(hand['box'], np.float64)
        box = np.array([x, y, x + width, y + height])
        return box if np.isfinite(box).all() else None
    points = points[np.isfinite(points).all(-1)]
    return np.concatenate([points.min(0), points.max(0)]) if len(points) else None


def _line_width(image: np.ndarray, box: np.ndarray | None) -> int:
    """Return the width of a skeleton's lines, px: a 50th of the hand, from 2 px to a 130th of the image."""
    most = max(2, round(max(image.shape[:2]) / 130))
    return most if box is None else int(np.clip(round(float((box[2:] - box[:2]).max()) / 50), 2, most))


def _corners(box: np.ndarray) -> tuple[tuple[int, int], tuple[int, int]]:
    low, high = np.clip(box, -(2**15), 2**15).round().astype(int).reshape(2, 2).tolist()
    return tuple(low), tuple(high)


def _write(canvas: np.ndarray, text: str, corner: tuple[int, int], color: tuple[int, int, int]) -> None:
    """Write a line on a coloured bar above a corner, or inside the image if there is no room."""
    scale = max(0.4, max(canvas.shape[:2]) / 1600)
    height = round(_FONT_HEIGHT * scale)
    margin = max(2, height // 3)
    (width, _), _ = cv2.getTextSize(text, _FONT, scale, 1)
    x = int(np.clip(corner[0], 0, max(0, canvas.shape[1] - width - 2 * margin)))
    bottom = int(np.clip(corner[1], height + 2 * margin, canvas.shape[0]))
    cv2.rectangle(canvas, (x, bottom - height - 2 * margin), (x + width + 2 * margin, bottom), color, -1)
    cv2.putText(canvas, text, (x + margin, bottom - margin), _FONT, scale, (255, 255, 255), 1, cv2.LINE_AA)
