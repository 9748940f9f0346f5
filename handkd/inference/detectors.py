"""Detectors of hands: one contract, checked, for callables, MediaPipe and ONNX files."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from handkd.hand import SIDES
from handkd.hints import ConfigError, did_you_mean

Detections = tuple[np.ndarray, np.ndarray, Sequence[str | None] | None]
"""Boxes (N, 4) as (x, y, width, height), px of the image; their scores (N,); and sides, or None if unknown."""
Detector = Callable[[np.ndarray], Detections]
"""Takes an image, BGR, uint8, shape (H, W, 3)."""


class CheckedDetector:
    """A detector whose output is checked and in one form.

    Args:
        detect: The detector.
        name: Its name in errors.
    """

    def __init__(self, detect: Detector, name: str) -> None:
        self._detect, self._name = detect, name

    def __call__(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[str | None]]:
        """Find the hands in an image.

        Args:
            image: BGR, uint8, shape (H, W, 3).

        Returns:
            Boxes (N, 4) as (x, y, width, height), px of the image, float64; scores (N,), float64; and N sides, each
            'left', 'right' or None.

        Raises:
            ValueError: If the detector returns something else; names it.
        """
        found = self._detect(image)
        if not isinstance(found, (tuple, list)) or len(found) != 3:
            shown = f'{len(found)} values' if isinstance(found, (tuple, list)) else type(found).__name__
            raise self._error(f'must return (boxes, scores, sides), found {shown}')
        boxes = self._array('boxes', found[0])
        boxes = boxes.reshape(-1, 4) if boxes.size == 0 else boxes
        if boxes.ndim != 2 or boxes.shape[1] != 4:
            raise self._error(f'must return boxes (x, y, width, height) of shape (N, 4), found {boxes.shape}')
        scores = self._array('scores', found[1])
        if scores.shape != (len(boxes),):
            raise self._error(f'must return one score per box, found {scores.shape} for {len(boxes)} boxes')
        if len(boxes) and not (boxes[:, 2:] > 0).all():
            first = tuple(boxes[np.argmin((boxes[:, 2:] > 0).all(1))].tolist())
            raise self._error(f'must return boxes of positive width and height, found {first}')
        return boxes, scores, self._sides(found[2], len(boxes))

    def _array(self, what: str, values: object) -> np.ndarray:
        try:
            array = np.asarray(values, np.float64)
        except (TypeError, ValueError):
            raise self._error(f'must return {what} as numbers, found {type(values).__name__}') from None
        if not np.isfinite(array).all():
            raise self._error(f'must return finite {what}, found NaN or infinity')
        return array

    def _sides(self, sides: Sequence[str | None] | None, count: int) -> list[str | None]:
        if sides is None:
            return [None] * count
        if isinstance(sides, str) or not isinstance(sides, (Sequence, np.ndarray)) or len(sides) != count:
            raise self._error(f'must return None or {count} sides, one per box, found {sides!r}')
        wrong = next((side for side in sides if side is not None and side not in SIDES), None)
        if wrong is not None:
            raise self._error(f"must return the sides 'left', 'right' or None, found {wrong!r}")
        return list(sides)

    def _error(self, text: str) -> ValueError:
        return ValueError(f'{self._name} {text}')


def build_detector(spec: str | os.PathLike | Detector | None, score_threshold: float | None = None) -> Detector | None:
    """Make a detector of hands.

    | ``spec`` | Detector |
    | --- | --- |
    | ``'full'`` or None | none: each image is a crop of one hand |
    | a callable | itself, with its output checked, see :class:`CheckedDetector` |
    | ``'mediapipe'``, ``'mediapipe:FILE.task'`` | :class:`~handkd.inference.mediapipe_detector.MediaPipeDetector` |
    | path of an ``.onnx`` file | :class:`~handkd.inference.onnx_detector.OnnxDetector` |

    Args:
        spec: The kind of detector.
        score_threshold: Least score of a hand, of MediaPipe and ONNX files. Defaults to None: that of the kind.

    Returns:
        The detector, checked; None if each image is a crop.

    Raises:
        ValueError: If there is no such detector, its package is missing, or its file is not a detector; one line.
        OSError: If its file can't be read; names it.
    """
    if score_threshold is not None and not 0 <= score_threshold <= 1:
        raise ConfigError(f'detector: score_threshold must be from 0 to 1, found {score_threshold!r}')
    if spec is None or isinstance(spec, str) and spec == 'full':
        return None
    if isinstance(spec, (str, os.PathLike)):
        return _build_named(os.fspath(spec), score_threshold)
    if not callable(spec):
        raise ConfigError(
            "detector must be 'full', 'mediapipe', the path of an .onnx file or a callable, "
            f'found {type(spec).__name__}'
        )
    return CheckedDetector(spec, f'detector {getattr(spec, "__qualname__", type(spec).__name__)}')


def _build_named(spec: str, score_threshold: float | None) -> Detector:
    options = {} if score_threshold is None else {'score_threshold': score_threshold}
    kind, _, file = spec.partition(':')
    if kind == 'mediapipe':
        from .mediapipe_detector import MediaPipeDetector

        return CheckedDetector(MediaPipeDetector(file or None, **options), "detector 'mediapipe'")
    if Path(spec).suffix.lower() == '.onnx':
        from .onnx_detector import OnnxDetector

        return CheckedDetector(OnnxDetector(spec, **options), f'detector {spec!r}')
    known = ('full', 'mediapipe')
    raise ConfigError(
        f'detector {spec!r}: expected one of {known}, the path of an .onnx file or a callable; '
        f'{did_you_mean(spec, known)}'
    )
