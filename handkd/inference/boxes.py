"""Boxes of the hands in each image: given ones, those of a detector, or the whole image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .detectors import Detector
from .images import InferenceImage
from .places import KnownHand


class FixedBoxes:
    """The same box in every image, or the whole image.

    Args:
        known: What is known of each hand, with the box.
    """

    def __init__(self, known: KnownHand) -> None:
        self._known = known

    def __call__(self, image: InferenceImage) -> list[KnownHand]:
        """Return the hands of an image."""
        return [self._known]

    def skip(self) -> None:
        """Pass over an image that could not be read."""


class ListedBoxes:
    """Boxes of each image, in its order.

    Args:
        boxes: For each image one box (x, y, width, height), or several, or none, in px.
        known: What else is known of each hand.
    """

    def __init__(self, boxes: Sequence, known: KnownHand) -> None:
        self._boxes, self._known, self._next = boxes, known, 0

    def __call__(self, image: InferenceImage) -> list[KnownHand]:
        """Return the hands of the next image.

        Raises:
            ValueError: If there are no boxes for it; names it.
        """
        if self._next >= len(self._boxes):
            raise ValueError(
                f'{image.name}: is image {self._next + 1}, but there are boxes for {len(self._boxes)}: give one entry '
                'per image, an empty list where there is no hand'
            )
        boxes = self._boxes[self._next]
        self._next += 1
        single = len(boxes) == 4 and np.ndim(boxes[0]) == 0
        return [replace(self._known, box=tuple(box)) for box in ([boxes] if single else boxes)]

    def skip(self) -> None:
        """Pass over an image that could not be read."""
        self._next += 1


class DetectedBoxes:
    """Boxes of a detector.

    Args:
        detector: The detector, of :func:`.detectors.build_detector`.
        known: What else is known of each hand; a known side is that of all.
    """

    def __init__(self, detector: Detector, known: KnownHand) -> None:
        self._detector, self._known = detector, known

    def __call__(self, image: InferenceImage) -> list[KnownHand]:
        """Return the hands of an image; none if the detector finds none."""
        boxes, scores, sides = self._detector(image.pixels)
        return [
            found_hand(self._known, box, float(score), side, 'detector')
            for box, score, side in zip(boxes, scores, sides, strict=True)
        ]

    def skip(self) -> None:
        """Pass over an image that could not be read."""


def found_hand(
    known: KnownHand, box: Sequence[float], score: float | None, side: str | None, source: str, track: int | None = None
) -> KnownHand:
    """Return what is known of a hand that was found.

    Args:
        known: What is known of all hands; its side counts more than the found one.
        box: (x, y, width, height) in px.
        score: Score of the detector, or None.
        side: Side by the detector or the track, or None.
        source: 'detector' or 'track'.
        track: Number of the hand in a video. Defaults to None.
    """
    found = replace(known, box=tuple(float(value) for value in box), box_score=score, box_source=source, track=track)
    return found if known.side is not None or side is None else replace(found, side=side, side_source=source)
