"""Consistency of a network: how far joints move in the hand when the image or the crop is moved."""

from __future__ import annotations

import cv2
import numpy as np

from handkd.inference.inferencer import HandInferencer

from .labelled_photos import LabelledPhoto

TURNS = (-30.0, -15.0, 15.0, 30.0)
"""Rotations of the image, degrees."""
ZOOMS = (0.85, 1.2)
"""Factors on the side of the box."""
SHIFT = 0.06
"""Displacement of the box over its side, along either axis and in either direction."""


def deviations(infer: HandInferencer, pixels: np.ndarray, photo: LabelledPhoto) -> dict[str, float]:
    """Return how far joints are from where they are without a change, over the side of the hand's square box.

    Args:
        infer: The network.
        pixels: The image, BGR, uint8, shape (H, W, 3).
        photo: Its hand; the labels are not used.

    Returns:
        Kind of change ('rotation', 'mirroring', 'scale', 'shift') -> mean distance over the joints, and over the
        changes of this kind, after the change is undone.
    """
    center, side = photo.square
    plain = _keypoints(infer, pixels, center, side)

    def distance(keypoints: np.ndarray) -> float:
        return float(np.linalg.norm(keypoints - plain, axis=-1).mean() / side)

    moves = [(SHIFT * side * np.array(step)) for step in ((1, 0), (-1, 0), (0, 1), (0, -1))]
    return {
        'rotation': float(np.mean([distance(_rotated(infer, pixels, center, side, turn)) for turn in TURNS])),
        'mirroring': distance(_mirrored(infer, pixels, center, side)),
        'scale': float(np.mean([distance(_keypoints(infer, pixels, center, side * zoom)) for zoom in ZOOMS])),
        'shift': float(np.mean([distance(_keypoints(infer, pixels, center + move, side)) for move in moves])),
    }


def _keypoints(infer: HandInferencer, pixels: np.ndarray, center: np.ndarray, side: float) -> np.ndarray:
    """Return the joints (21, 2), px, of the hand in a square."""
    return infer.one(pixels, (*(center - side / 2), side, side))['keypoints']


def _rotated(infer: HandInferencer, pixels: np.ndarray, center: np.ndarray, side: float, degrees: float) -> np.ndarray:
    """Return the joints found in the image rotated about the centre, in the image as it was."""
    matrix = cv2.getRotationMatrix2D(tuple(center), degrees, 1.0)
    size = pixels.shape[1::-1]
    turned = cv2.warpAffine(pixels, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    back = cv2.invertAffineTransform(matrix)
    return _keypoints(infer, turned, center, side) @ back[:, :2].T + back[:, 2]


def _mirrored(infer: HandInferencer, pixels: np.ndarray, center: np.ndarray, side: float) -> np.ndarray:
    """Return the joints found in the mirrored image, in the image as it was."""
    last = pixels.shape[1] - 1
    found = _keypoints(infer, np.ascontiguousarray(pixels[:, ::-1]), np.array([last - center[0], center[1]]), side)
    return found * [-1, 1] + [last, 0]
