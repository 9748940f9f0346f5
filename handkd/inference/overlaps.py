"""Overlaps of boxes, and non-maximum suppression."""

from __future__ import annotations

import numpy as np


def suppress(boxes: np.ndarray, iou_threshold: float) -> np.ndarray:
    """Non-maximum suppression: of boxes that overlap, keep the first.

    Args:
        boxes: (x1, y1, x2, y2), best first, shape (N, 4), any unit.
        iou_threshold: A box is dropped if its intersection over union with a kept one is larger than this.

    Returns:
        Indices of the boxes that are kept, ascending.
    """
    rest, kept = np.arange(len(boxes)), []
    while len(rest):
        first, rest = rest[0], rest[1:]
        kept.append(first)
        rest = rest[iou(boxes[first], boxes[rest]) <= iou_threshold]
    return np.array(kept, int)


def iou(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Intersection over union of a box (4,) with boxes (N, 4), all (x1, y1, x2, y2) in one unit; shape (N,)."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    common = np.clip(high - low, 0, None).prod(1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1) + (box[2:] - box[:2]).prod()
    return common / np.maximum(areas - common, 1e-12)
