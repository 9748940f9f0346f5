"""Consistency of a network: how far joints move in the hand when the image or the crop is moved."""

from __future__ import annotations

import cv2
import numpy as np

from handkd.hand import other_side
from handkd.inference.inferencer import HandInferencer

from .labelled_photos import LabelledPhoto

TURNS = (-30.0, -15.0, 15.0, 30.0)
"""Rotations of the image, degrees."""
ZOOMS = (0.85, 1.2)
"""Factors on the side of the box."""
SHIFT = 0.06
"""Displacement of the box over its side, along either axis and in either direction."""
_CANVAS = 3
"""Side of the rotated image over that of the box, so that what a crop sees of the rotated image is not cut off."""


def deviations(infer: HandInferencer, pixels: np.ndarray, photo: LabelledPhoto) -> dict[str, float]:
    """Return how far joints are from where they are without a change, over the side of the hand's square box.

    A network whose pixels are derived from the box moves and scales its joints with the box, whatever it sees. Its
    joints are compared after both are moved to the same centre and scaled to the same extent.

    Args:
        infer: The network.
        pixels: The image, BGR, uint8, shape (H, W, 3).
        photo: Its hand; the labels are not used.

    Returns:
        Kind of change ('rotation', 'mirroring', 'scale', 'shift') -> mean distance over the joints, and over the
        changes of this kind, after the change is undone.
    """
    center, side = photo.square
    hand = given_side(infer, photo)
    plain = _keypoints(infer, pixels, center, side, hand)

    def distance(keypoints: np.ndarray) -> float:
        if not infer.network.facts.pixels:
            keypoints = _placed_like(keypoints, plain)
        return float(np.linalg.norm(keypoints - plain, axis=-1).mean() / side)

    moves = [(SHIFT * side * np.array(step)) for step in ((1, 0), (-1, 0), (0, 1), (0, -1))]
    return {
        'rotation': float(np.mean([distance(_rotated(infer, pixels, center, side, hand, turn)) for turn in TURNS])),
        'mirroring': distance(_mirrored(infer, pixels, center, side, hand)),
        'scale': float(np.mean([distance(_keypoints(infer, pixels, center, side * zoom, hand)) for zoom in ZOOMS])),
        'shift': float(np.mean([distance(_keypoints(infer, pixels, center + move, side, hand)) for move in moves])),
    }


def given_side(infer: HandInferencer, photo: LabelledPhoto) -> str | None:
    """Return the side that a network is given: that of the photograph if it was trained on hands of one side."""
    return None if infer.network.facts.trained_on == 'both' else photo.side


def _placed_like(keypoints: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return joints (21, 2), px, with the mean of others and their root mean square distance from it."""
    found, wanted = keypoints - keypoints.mean(0), reference - reference.mean(0)
    return found * (np.linalg.norm(wanted) / max(np.linalg.norm(found), 1e-9)) + reference.mean(0)


def _keypoints(
    infer: HandInferencer, pixels: np.ndarray, center: np.ndarray, side: float, hand: str | None
) -> np.ndarray:
    """Return the joints (21, 2), px, of the hand in a square."""
    return infer.one(pixels, (*(center - side / 2), side, side), side=hand)['keypoints']


def _rotated(
    infer: HandInferencer, pixels: np.ndarray, center: np.ndarray, side: float, hand: str | None, degrees: float
) -> np.ndarray:
    """Return the joints found in the image rotated about the centre, in the image as it was."""
    size = int(np.ceil(_CANVAS * side))
    middle = np.full(2, (size - 1) / 2)
    matrix = cv2.getRotationMatrix2D(tuple(center), degrees, 1.0)
    matrix[:, 2] += middle - center
    # outside of the image is what the crop has there, so that the border is no change of its own
    border = (infer.network.facts.crop.border,) * 3
    turned = cv2.warpAffine(
        pixels, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=border
    )
    back = cv2.invertAffineTransform(matrix)
    return _keypoints(infer, turned, middle, side, hand) @ back[:, :2].T + back[:, 2]


def _mirrored(
    infer: HandInferencer, pixels: np.ndarray, center: np.ndarray, side: float, hand: str | None
) -> np.ndarray:
    """Return the joints found in the mirrored image, in the image as it was."""
    last = pixels.shape[1] - 1
    mirrored = np.ascontiguousarray(pixels[:, ::-1])
    found = _keypoints(
        infer, mirrored, np.array([last - center[0], center[1]]), side, None if hand is None else other_side(hand)
    )
    return found * [-1, 1] + [last, 0]
