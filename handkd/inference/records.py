"""Records of inference: one per image or frame, with its hands; and their JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np

from .sources import Frame

VERSION = 1
"""Version of the records; a change of the meaning of a key, or its removal, increases it."""
HAND_KEYS: tuple[str, ...] = (
    'keypoints', 'keypoint_scores', 'keypoints_3d', 'root', 'unit', 'scale_source', 'keypoints_cam', 'camera_source',
    'side', 'side_source', 'side_score', 'box', 'box_source', 'box_score', 'track', 'hand_center',
)  # fmt: skip
"""Keys of a hand; docs/inference.md and ``result.schema.json`` describe them."""
_DIGITS = 4
_AS_THEY_ARE = frozenset({str, int, bool, type(None)})


def make_record(frame: Frame, shape: tuple[int, int] | None, hands: Sequence[dict], error: str | None = None) -> dict:
    """Return the record of an image or frame.

    Args:
        frame: The image or frame.
        shape: (height, width) in px; None if it could not be read.
        hands: Its hands, with the keys of :data:`HAND_KEYS`.
        error: Why it, or one of its hands, could not be used. Defaults to None.
    """
    height, width = (None, None) if shape is None else shape
    return dict(
        version=VERSION,
        file=frame.file,
        frame=frame.number,
        time=frame.time,
        width=width,
        height=height,
        error=error,
        hands=list(hands),
    )


def to_json(record: Mapping) -> str:
    """Return a record as one line of JSON, arrays as lists, with four decimals."""
    return json.dumps(_plain(record), allow_nan=False)


def _plain(value: object) -> object:
    """Return a value in JSON's types; pictures are left out."""
    if type(value) in _AS_THEY_ARE:
        return value
    if isinstance(value, np.ndarray):
        return np.round(value, _DIGITS).tolist()
    if isinstance(value, (float, np.floating)):
        return round(float(value), _DIGITS)
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (dict, Mapping)):  # dict first: the check of an abstract class takes longer
        return {key: _plain(item) for key, item in value.items() if key != 'visualization'}
    return int(value) if isinstance(value, np.integer) else value
