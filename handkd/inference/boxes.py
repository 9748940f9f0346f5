"""Boxes of the hands in each image: given ones, those of a detector, or the whole image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from handkd.hand import NUM_JOINTS, chirality

from .detectors import Detector
from .images import InferenceImage
from .networks import NetworkFacts
from .places import KnownHand
from .sources import Frame
from .tracking import HandTracker, TrackedBox, TrackingRule


def is_box(boxes: object) -> bool:
    """Return whether boxes are a single one, four numbers.

    Raises:
        ValueError: If they are no list or array at all.
    """
    if not isinstance(boxes, (Sequence, np.ndarray)):
        raise ValueError(
            "boxes must be (x, y, width, height) in px, a list with an entry per image, a detector or 'full'; "
            f'found {type(boxes).__name__}'
        )
    return len(boxes) == 4 and all(np.ndim(value) == 0 and value is not None for value in boxes)


class FixedBoxes:
    """The same box in every image, or the whole image.

    Args:
        known: What is known of each hand, with the box.
    """

    follows = False

    def __init__(self, known: KnownHand) -> None:
        self._known = known

    def __call__(self, image: InferenceImage, frame: Frame) -> list[KnownHand]:
        """Return the hands of an image."""
        return [self._known]

    def skip(self) -> None:
        """Pass over an image that could not be read."""

    def settle(self, frame: Frame, hands: list[dict | ValueError]) -> list[dict | ValueError]:
        """Return what was found in the boxes of a frame."""
        return hands


class ListedBoxes:
    """Boxes of each image, in its order.

    Args:
        boxes: For each image one box (x, y, width, height), or several, or none, in px.
        known: What else is known of each hand.
    """

    follows = False

    def __init__(self, boxes: Sequence, known: KnownHand) -> None:
        self._boxes, self._known, self._next = boxes, known, 0

    def __call__(self, image: InferenceImage, frame: Frame) -> list[KnownHand]:
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
        try:
            return [replace(self._known, box=tuple(box)) for box in ([boxes] if is_box(boxes) else boxes)]
        except TypeError:
            raise ValueError(f'{image.name}: boxes must be (x, y, width, height) each, found {boxes!r:.80}') from None

    def skip(self) -> None:
        """Pass over an image that could not be read."""
        self._next += 1

    def settle(self, frame: Frame, hands: list[dict | ValueError]) -> list[dict | ValueError]:
        """Return what was found in the boxes of a frame."""
        return hands


class DetectedBoxes:
    """Boxes of a detector; in videos and streams of frames hands are followed.

    Args:
        detector: The detector, of :func:`.detectors.build_detector`.
        known: What else is known of each hand; a known side is that of all.
        facts: Facts about the network.
    """

    follows = True

    def __init__(self, detector: Detector, known: KnownHand, facts: NetworkFacts) -> None:
        self._detector, self._known, self._facts = detector, known, facts
        self._tracker: HandTracker | None = None
        self._video: str | None = None

    def __call__(self, image: InferenceImage, frame: Frame) -> list[KnownHand]:
        """Return the hands of an image; none if the detector finds none."""
        if frame.number is not None and len(self._facts.joints) == NUM_JOINTS:
            if self._tracker is None or frame.file != self._video or frame.number == 0:
                rule = TrackingRule(follow=self._facts.pixels)
                self._tracker, self._video = HandTracker(self._detector, rule), frame.file
            found = self._tracker.find(image.pixels)
            return [_found_hand(self._known, one.box, one.score, one.side, one.source, one.track) for one in found]
        boxes, scores, sides = self._detector(image.pixels)
        sides = [None] * len(boxes) if sides is None else sides
        return [
            _found_hand(self._known, box, float(score), side, 'detector')
            for box, score, side in zip(boxes, scores, sides, strict=True)
        ]

    def skip(self) -> None:
        """Pass over an image that could not be read."""

    def settle(self, frame: Frame, hands: list[dict | ValueError]) -> list[dict | ValueError]:
        """Take over what was found in the boxes of a frame; returns it without hands that are lost.

        The side is that of all evidence in the video so far: of the detector, or, if it gives no sides, of the poses of
        a network that was trained on both.
        """
        if frame.number is None or self._tracker is None:
            return hands
        nothing = np.full((NUM_JOINTS, 2), np.nan)  # no joints: the hand is lost
        good = [not isinstance(hand, ValueError) for hand in hands]
        joints = [hand['keypoints'] if known else nothing for hand, known in zip(hands, good)]
        scores = None
        if good and all(known and hand['keypoint_scores'] is not None for hand, known in zip(hands, good)):
            scores = np.stack([hand['keypoint_scores'] for hand in hands])
        sides = [self._side_of(hand) if known else None for hand, known in zip(hands, good)]
        settled = self._tracker.update(np.array(joints).reshape(-1, NUM_JOINTS, 2), scores, sides)
        return [self._with_side(hand, box) for hand, box in zip(hands, settled) if box is not None]

    def _side_of(self, hand: dict) -> tuple[str, float] | None:
        """Return the side that a pose shows, and its score; None if the side was given, or there is no pose."""
        if self._facts.trained_on != 'both' or hand['keypoints_3d'] is None:
            return None
        if hand['side_source'] == 'estimated':  # of the network itself, if it tells the side
            return hand['side'], hand['side_score']
        return chirality(hand['keypoints_3d'])

    def _with_side(self, hand: dict, box: TrackedBox) -> dict:
        """Return a hand with the side of its track, unless the user has given one."""
        if self._known.side is not None or box.side is None:
            return hand
        return dict(hand, side=box.side, side_source='track', side_score=box.side_score)


def _found_hand(
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
