"""Hands followed through a video: the joints of one frame give the box of the next; identity and side stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from handkd.hand import SIDES
from handkd.hints import ConfigError

from .detectors import Detector
from .overlaps import iou

_SAME_HAND = 0.15
"""Mean distance of the joints of two tracks that follow one hand, in sizes of the hand."""
_SAME_FRAMES = 3
"""Number of frames in a row that two tracks must coincide: hands that cross do so for one or two."""
_MISSES = 2
"""Number of detections in a row that do not find a tracked hand, after which it is lost."""
_SIZE_CHANGE = 2.5
"""Largest change of a hand's size from one frame to the next, as a factor."""
_SMALLEST = 8.0
"""Size of the smallest hand that is followed, px."""


@dataclass(frozen=True)
class TrackingRule:
    """Limits of a track. The size of a hand is the longer side of the tight box of its joints.

    Attributes:
        grow: Growth of the square around the joints, in sizes of the hand, half on either side. Defaults to 0.1.
        every: The detector runs every so many frames, and in each frame in which no hand is tracked or one was lost
            just before. Defaults to 15.
        min_score: A hand is lost if the mean score of its joints is lower. Defaults to 0.3.
        max_jump: A hand is lost if its centre is farther from the expected one, in sides of the square. Defaults to
            0.6.
        min_inside: A hand is lost if less than this share of its box is inside the image. Defaults to 0.3.
        min_iou: A detection with this intersection over union with the expected box of a hand is that hand. Defaults
            to 0.3.
        memory: A lost hand that is found again within so many frames keeps its number. Defaults to 15.
        flip: Votes by which the other side must lead before the side of a track changes; one vote is a frame with
            score 1. Defaults to 3.0.
        follow: Whether a box comes from the joints of the last frame; if not, the detector runs in each frame and gives
            all boxes, as for a network whose pixels are derived from the box. Defaults to True.

    Raises:
        ConfigError: If a value is not usable; names it.
    """

    grow: float = 0.1
    every: int = 15
    min_score: float = 0.3
    max_jump: float = 0.6
    min_inside: float = 0.3
    min_iou: float = 0.3
    memory: int = 15
    flip: float = 3.0
    follow: bool = True

    def __post_init__(self) -> None:
        for name in ('grow', 'min_score', 'min_inside', 'min_iou', 'memory', 'flip'):
            if not 0 <= getattr(self, name) < np.inf:
                raise ConfigError(f'tracking: {name} must be at least 0, found {getattr(self, name)!r}')
        if self.every < 1 or not self.max_jump > 0:
            found = f'every={self.every!r}, max_jump={self.max_jump!r}'
            raise ConfigError(f'tracking: every must be at least 1 and max_jump above 0, found {found}')


@dataclass(frozen=True)
class TrackedBox:
    """A box of one frame, and its track.

    Attributes:
        box: (x, y, width, height), px of the image.
        track: Number of the hand, from 0, never used again.
        source: 'detector' or 'track': where the box comes from.
        score: Score of the detector; None for a box of the track.
        side: 'left' or 'right' by all evidence so far; None without any.
        side_score: Share of the evidence for that side, 0 to 1, below 0.5 while the other side does not lead by enough
            to replace it; None without any.
    """

    box: tuple[float, float, float, float]
    track: int
    source: str
    score: float | None
    side: str | None
    side_score: float | None


@dataclass
class _Track:
    """State of a hand. Boxes are (x1, y1, x2, y2), px.

    Attributes:
        box: Box for the network in this frame.
        joints: Joints in the last frame, (J, 2), px; None before the first and after a loss.
        motion: Motion of the centre of the joints from the frame before, px.
        frames: Number of frames with joints since the hand was found.
        misses: Number of detections in a row that did not find it.
        lost_for: Number of frames since it was lost.
        coincides: Number of another track -> frames in a row that both had the same joints.
        detected: Whether the detector gave a side. It sees the pixels, so sides that poses show no longer count.
    """

    number: int
    box: np.ndarray
    source: str = 'detector'
    score: float | None = None
    side: str | None = None
    votes: np.ndarray = field(default_factory=lambda: np.zeros(2))
    joints: np.ndarray | None = None
    motion: np.ndarray = field(default_factory=lambda: np.zeros(2))
    frames: int = 0
    misses: int = 0
    lost_for: int = 0
    coincides: dict[int, int] = field(default_factory=dict)
    detected: bool = False

    def hear(self, side: str | None, score: float, flip: float) -> None:
        """Take over the side of a detection, if it has one."""
        if side is not None:
            self.detected = True
            self.vote(side, score, flip)

    def vote(self, side: str, score: float, flip: float) -> None:
        """Add evidence for a side; the side changes only if the other one leads by ``flip`` votes."""
        self.votes[SIDES.index(side)] += score
        leader = SIDES[int(np.argmax(self.votes))]
        if self.side is None or (leader != self.side and np.ptp(self.votes) >= flip):
            self.side = leader

    def predict(self, grow: float) -> None:
        """Put the box where the joints are expected in the next frame."""
        if self.joints is None:
            return
        tight = tight_box(self.joints)
        half = _longer_side(tight) * (1 + grow) / 2
        centre = (tight[:2] + tight[2:]) / 2 + self.motion
        self.box, self.source, self.score = np.concatenate([centre - half, centre + half]), 'track', None

    def restart(self, box: np.ndarray, score: float | None) -> None:
        """Begin again with a box of the detector, after a loss."""
        self.box, self.source, self.score = box, 'detector', score
        self.joints, self.motion, self.frames, self.misses, self.lost_for = None, np.zeros(2), 0, 0, 0

    def shown(self) -> TrackedBox:
        """Return the box of this frame with the side so far."""
        x1, y1, x2, y2 = self.box.tolist()
        total, share = self.votes.sum(), None
        if self.side is not None:
            share = float(self.votes[SIDES.index(self.side)] / total) if total > 0 else 0.5
        return TrackedBox((x1, y1, x2 - x1, y2 - y1), self.number, self.source, self.score, self.side, share)


class HandTracker:
    """Follows hands through the frames of one video: :meth:`find` before the network, :meth:`update` after it.

    The box of a tracked hand is the tight box of its joints in the last frame, grown, squared, and moved on by the
    motion between the last two frames. The detector runs in the first frame, in frames in which no hand is tracked or
    one was just lost, and every few frames, for new hands; a detection is a tracked hand if their boxes overlap enough.
    A hand is lost if the scores of its joints or its box collapse, if it leaves the image or jumps, or if two
    detections in a row miss it. Of two tracks that follow one hand, the newer one ends.

    Args:
        detector: Finds hands, see :func:`~handkd.inference.detectors.build_detector`; None: while no hand is tracked,
            the whole image is the box of one.
        rule: Limits. Defaults to None: those of :class:`TrackingRule`.
    """

    def __init__(self, detector: Detector | None, rule: TrackingRule | None = None) -> None:
        self._detector, self._rule = detector, rule or TrackingRule()
        self._tracks: list[_Track] = []
        self._lost: list[_Track] = []
        self._next = 0
        self._since_detection = 0
        self._due = True
        self._size = np.zeros(2)

    def find(self, image: np.ndarray) -> list[TrackedBox]:
        """Return the boxes of the hands of the next frame.

        Args:
            image: The frame, BGR, uint8, shape (H, W, 3).

        Returns:
            Boxes with their tracks, by number; the network runs on each.

        Raises:
            ValueError: If the detector's output is not usable.
        """
        self._size = np.array(image.shape[1::-1], np.float64)
        self._since_detection += 1
        for track in self._tracks:
            if self._rule.follow:
                track.predict(self._rule.grow)
            else:
                track.source, track.score = 'track', None
        if self._due or not self._tracks or self._since_detection >= self._rule.every or not self._rule.follow:
            self._since_detection, self._due = 0, False
            self._detect(image)
        self._tracks.sort(key=lambda track: track.number)
        return [track.shown() for track in self._tracks]

    def update(
        self,
        keypoints: np.ndarray,
        scores: np.ndarray | None = None,
        sides: Sequence[tuple[str, float] | None] | None = None,
    ) -> list[TrackedBox | None]:
        """Take over the joints that the network found in the boxes of the last :meth:`find`.

        Args:
            keypoints: Joints of each box, px of the image, shape (N, J, 2), of any set of joints.
            scores: Their scores, shape (N, J). Defaults to None: unknown.
            sides: Evidence of each pose for a side: it and its score, 0 to 1; or None. It counts for hands whose side
                the detector does not give. Defaults to None: unknown.

        Returns:
            Each box with the side by all evidence; None if its hand is lost, or followed by another track.

        Raises:
            ValueError: If there is not one result per box.
        """
        keypoints = np.asarray(keypoints, np.float64)
        found, count = self._tracks, len(self._tracks)
        if len(keypoints) != count or any(given is not None and len(given) != count for given in (scores, sides)):
            raise ValueError(f'expected one result for each of {count} boxes, found {len(keypoints)}')
        for track in self._lost:
            track.lost_for += 1
        self._lost = [track for track in self._lost if track.lost_for <= self._rule.memory]
        kept = []
        for i, track in enumerate(found):
            if not self._follow(track, keypoints[i], None if scores is None else np.asarray(scores[i])):
                self._lose(track)
                continue
            kept.append(track)
            if sides is not None and sides[i] is not None and not track.detected:
                track.vote(*sides[i], self._rule.flip)
        self._tracks = _without_duplicates(kept)
        alive = {track.number for track in self._tracks}
        return [track.shown() if track.number in alive else None for track in found]

    def _detect(self, image: np.ndarray) -> None:
        """Run the detector: match its boxes to the hands, end those missed too often, begin new ones."""
        if self._detector is None:
            if not self._tracks:
                self._begin(np.array([0.0, 0.0, *self._size]), None, None)
            return
        boxes, scores, sides = self._detector(image)
        boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
        boxes = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)
        sides = [None] * len(boxes) if sides is None else sides
        matches = _match(boxes, self._tracks, self._lost, self._rule.min_iou)
        for track in list(self._tracks):
            track.misses = 0 if track.number in matches.values() else track.misses + 1
            if track.misses >= _MISSES:
                self._lose(track)
                self._tracks.remove(track)
        for i in np.argsort(-np.asarray(scores, np.float64), kind='stable').tolist():
            self._accept(boxes[i], float(scores[i]), sides[i], matches.get(i))

    def _accept(self, box: np.ndarray, score: float, side: str | None, number: int | None) -> None:
        """Give a detection to its track, to a lost one, or to a new one."""
        track = next((track for track in self._tracks if track.number == number), None)
        lost = next((track for track in self._lost if track.number == number), None)
        if lost is not None:
            self._lost.remove(lost)
            self._tracks.append(lost)
            lost.restart(box, score)
            track = lost
        if track is None:
            self._begin(box, score, side)
            return
        if not self._rule.follow:
            track.box, track.source, track.score = box, 'detector', score
        track.hear(side, score, self._rule.flip)

    def _begin(self, box: np.ndarray, score: float | None, side: str | None) -> None:
        track = _Track(self._next, box, score=score)
        track.hear(side, 1.0 if score is None else score, self._rule.flip)
        self._tracks.append(track)
        self._next += 1

    def _lose(self, track: _Track) -> None:
        self._lost.append(track)
        self._due = True

    def _follow(self, track: _Track, joints: np.ndarray, scores: np.ndarray | None) -> bool:
        """Take over a hand's joints; returns False if the hand is lost."""
        if not np.isfinite(joints).all() or scores is not None and not scores.mean() >= self._rule.min_score:
            return False
        tight, rule = tight_box(joints), self._rule
        inside = np.clip(np.minimum(tight[2:], self._size) - np.maximum(tight[:2], 0), 0, None).prod()
        size = _longer_side(tight)
        if size < _SMALLEST or inside < rule.min_inside * np.maximum(tight[2:] - tight[:2], 1e-9).prod():
            return False
        centre = (tight[:2] + tight[2:]) / 2
        if track.source == 'track':
            side = _longer_side(track.box)
            change = size * (1 + rule.grow) / side
            jump = np.linalg.norm(centre - (track.box[:2] + track.box[2:]) / 2)
            if not 1 / _SIZE_CHANGE <= change <= _SIZE_CHANGE or jump > rule.max_jump * side:
                return False
        if track.joints is not None:
            before = tight_box(track.joints)
            track.motion = centre - (before[:2] + before[2:]) / 2
        track.joints, track.frames = joints, track.frames + 1
        return True


def tight_box(joints: np.ndarray) -> np.ndarray:
    """Return the tight box (x1, y1, x2, y2) of joints (N, 2), in their unit, shape (4,)."""
    return np.concatenate([joints.min(0), joints.max(0)])


def _longer_side(box: np.ndarray) -> float:
    return float((box[2:] - box[:2]).max())


def _match(boxes: np.ndarray, tracked: Sequence[_Track], lost: Sequence[_Track], min_iou: float) -> dict[int, int]:
    """Return detection -> number of its track, best overlaps first, each once; tracked hands before lost ones."""
    pairs = [
        (rank, -overlap, i, track.number)
        for rank, tracks in enumerate((tracked, lost))
        for track in tracks
        for i, overlap in enumerate(iou(track.box, boxes).tolist())
        if overlap >= max(min_iou, 1e-9)
    ]
    matches: dict[int, int] = {}
    for _, _, i, number in sorted(pairs):
        if i not in matches and number not in matches.values():
            matches[i] = number
    return matches


def _without_duplicates(tracks: Sequence[_Track]) -> list[_Track]:
    """Return the tracks without those that follow the hand of an older one.

    A new track must not coincide with an older one at all; two older ones that coincide may be hands that cross.
    """
    kept: list[_Track] = []
    for track in sorted(tracks, key=lambda track: track.number):
        for other in kept:
            size = min(_longer_side(tight_box(track.joints)), _longer_side(tight_box(other.joints)))
            near = np.linalg.norm(track.joints - other.joints, axis=1).mean() < _SAME_HAND * size
            track.coincides[other.number] = track.coincides.get(other.number, 0) + 1 if near else 0
        longest = max((track.coincides[other.number] for other in kept), default=0)
        if longest < (1 if track.frames == 1 else _SAME_FRAMES):
            kept.append(track)
    return kept
