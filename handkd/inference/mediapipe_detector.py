"""Hands found by the package ``mediapipe``, where it is installed."""

from __future__ import annotations

import os
from types import ModuleType

import cv2
import numpy as np

from handkd.hand import other_side
from handkd.hints import ConfigError

from .overlaps import suppress

MAX_HANDS = 4
"""Largest number of hands that are looked for in an image."""
_DUPLICATE = 0.5
"""Overlap of two boxes of one hand: two palms found for it can end in the same landmarks."""
_TASK = 'https://storage.googleapis.com/mediapipe-models/hand_landmarker/hand_landmarker/float16/1/hand_landmarker.task'


class MediaPipeDetector:
    """MediaPipe's palm detector with its landmark network, which gives the boxes and the sides.

    The box of a hand is the tight box of its 21 landmarks. Wheels up to 0.10.21 contain the models
    (``mediapipe.solutions.hands``). Later ones contain only the tasks API and no model: they need the file
    ``hand_landmarker.task``. Checked with 0.10.9 and 0.10.21 (solutions); 1.2.3 has the tasks API.

    Args:
        file: A ``hand_landmarker.task``. Defaults to None: the models in the package.
        score_threshold: Least score of a palm. Defaults to 0.5.
        max_hands: Largest number of hands of an image. Defaults to :data:`MAX_HANDS`.

    Raises:
        ConfigError: If the package is missing, or has no models and no file is given.
        OSError: If the file is missing; names it.
        ValueError: If it is not such a file; names it.
    """

    def __init__(self, file: str | None = None, score_threshold: float = 0.5, max_hands: int = MAX_HANDS) -> None:
        package = _import()
        if file is not None:
            self._find = _of_task(package, file, score_threshold, max_hands)
        elif hasattr(package, 'solutions'):
            self._find = _of_solutions(package, score_threshold, max_hands)
        else:
            raise ConfigError(
                f"detector='mediapipe': mediapipe {getattr(package, '__version__', '')} contains no hand model; "
                f"pip install 'mediapipe<=0.10.21', or download {_TASK} and give "
                "detector='mediapipe:hand_landmarker.task'"
            )

    def __call__(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[str]]:
        """Find hands.

        Args:
            image: BGR, uint8, shape (H, W, 3), not mirrored.

        Returns:
            Boxes (N, 4) as (x, y, width, height), px of the image; scores (N,) of their sides; sides.
        """
        found = sorted(self._find(cv2.cvtColor(image, cv2.COLOR_BGR2RGB)), key=lambda hand: -hand[1])
        if not found:
            return np.zeros((0, 4)), np.zeros(0), []
        points = np.array([[(point.x, point.y) for point in landmarks] for landmarks, _, _ in found])
        points = points * image.shape[1::-1]
        low, high = points.min(1), points.max(1)
        boxes = np.concatenate([low, np.maximum(high, low + 1)], 1)
        kept = suppress(boxes, _DUPLICATE)
        sizes = boxes[kept, 2:] - boxes[kept, :2]
        scores, sides = np.array([found[i][1] for i in kept]), [found[i][2] for i in kept]
        return np.concatenate([boxes[kept, :2], sizes], 1), scores, sides


def _import() -> ModuleType:
    try:
        import mediapipe
    except ImportError as error:
        raise ConfigError(
            f"detector='mediapipe' needs the package mediapipe ({error}): pip install 'mediapipe<=0.10.21'"
        ) from None
    return mediapipe


def _of_solutions(package: ModuleType, score_threshold: float, max_hands: int) -> object:
    """Return a function RGB image -> [(landmarks, score, side)], by the models in the package."""
    hands = package.solutions.hands.Hands(
        static_image_mode=True, max_num_hands=max_hands, min_detection_confidence=score_threshold
    )

    def find(image: np.ndarray) -> list[tuple]:
        result = hands.process(image)
        found = []
        for landmarks, side in zip(result.multi_hand_landmarks or (), result.multi_handedness or (), strict=True):
            # Its documentation: sides are determined "assuming the input image is mirrored", which ours are not.
            best = side.classification[0]
            found.append((landmarks.landmark, best.score, other_side(best.label.lower())))
        return found

    return find


def _of_task(package: ModuleType, file: str, score_threshold: float, max_hands: int) -> object:
    """Return the same function by the tasks API and a model file."""
    if not os.path.isfile(file):
        raise FileNotFoundError(f'no file {file!r} for MediaPipe; download {_TASK}')
    vision = package.tasks.vision
    options = vision.HandLandmarkerOptions(
        base_options=package.tasks.BaseOptions(model_asset_path=file),
        num_hands=max_hands,
        min_hand_detection_confidence=score_threshold,
    )
    try:
        landmarker = vision.HandLandmarker.create_from_options(options)
    except (RuntimeError, ValueError) as error:
        text = ' '.join(str(error).split())[:200]
        raise ValueError(f'{file!r} is no hand_landmarker.task of MediaPipe ({text}); download {_TASK}') from None

    def find(image: np.ndarray) -> list[tuple]:
        result = landmarker.detect(package.Image(image_format=package.ImageFormat.SRGB, data=image))
        # Here sides "correspond to the subject's hands"; a mirrored image would swap them.
        return [
            (landmarks, side[0].score, side[0].category_name.lower())
            for landmarks, side in zip(result.hand_landmarks, result.handedness, strict=True)
        ]

    return find
