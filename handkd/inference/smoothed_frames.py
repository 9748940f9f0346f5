"""Smoothing of the hands in the records of a video."""

from __future__ import annotations

import numpy as np

from .smoothing import TrackSmoother
from .sources import Frame
from .videos import DEFAULT_FPS

_KINDS = ('keypoints', 'keypoints_3d', 'keypoints_cam')


class FrameSmoother:
    """Smooths the joints of each hand over the frames of a video or stream, and starts anew with the next.

    Hands are distinguished by their track; without tracks by their place in the record. Single images stay as they are.
    """

    def __init__(self) -> None:
        self._video: str | None = None
        self._smooth: TrackSmoother | None = None

    def __call__(self, frame: Frame, record: dict) -> None:
        """Replace the joints of the hands of a frame's record, px of the image and the unit of the hand."""
        if frame.number is None:
            return
        if self._smooth is None or frame.file != self._video or frame.number == 0:
            self._smooth, self._video = TrackSmoother(), frame.file
        time = frame.number / DEFAULT_FPS if frame.time is None else frame.time
        for place, hand in enumerate(record['hands']):
            track = place if hand['track'] is None else hand['track']
            for kind in _KINDS:
                if hand[kind] is not None:
                    scale = max(float(np.ptp(hand[kind], axis=0).max()), 1e-9)
                    hand[kind] = self._smooth(track, kind, hand[kind], time, scale)
