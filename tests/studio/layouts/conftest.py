"""What the tests of the writers share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest


@pytest.fixture(scope='session')
def paths() -> Callable[[Path], set[str]]:
    """Return a function that names all files below a folder."""
    return lambda root: {path.relative_to(root).as_posix() for path in root.rglob('*') if path.is_file()}


@pytest.fixture(scope='session')
def side_by_flexion() -> Callable[[Sequence[np.ndarray]], str]:
    """Return a function that tells the side of hands (21, 3), all of one side, in a right-handed frame.

    Fingers bend towards the palm: with n = (MCP little - MCP index) x (mean PIP - wrist) their bend lies along -n on a
    right hand and along n on a left one. Many hands vote, since single ones may be flat.
    """

    def tell(hands: Sequence[np.ndarray]) -> str:
        votes = []
        for hand in hands:
            knuckles, middles, tips = hand[[5, 9, 13, 17]], hand[[6, 10, 14, 18]], hand[[8, 12, 16, 20]]
            normal = np.cross(knuckles[3] - knuckles[0], middles.mean(0) - hand[0])
            onward = knuckles - hand[0]
            onward /= np.linalg.norm(onward, axis=1, keepdims=True)
            bend = tips - knuckles
            bend = bend - (bend * onward).sum(1, keepdims=True) * onward
            votes.append((bend.mean(0) @ normal) / np.linalg.norm(normal))
        assert abs(np.mean(votes)) > 5, 'mm: these hands are too flat to tell their side'
        return 'right' if np.mean(votes) < 0 else 'left'

    return tell


@pytest.fixture(scope='session')
def share_on_hand() -> Callable[[Iterator[dict]], float]:
    """Return a function that tells which share of the joints of truths projects onto their hand's mask."""

    def share(truths: Iterator[dict]) -> float:
        hits = []
        for truth in truths:
            u, v = np.round(truth['keypoints']).astype(int).T
            height, width = truth['hand_mask'].shape
            hits.append(truth['hand_mask'][v.clip(0, height - 1), u.clip(0, width - 1)])
        return float(np.mean(hits))

    return share


@pytest.fixture(scope='session')
def is_jpeg_of() -> Callable[[Path, np.ndarray], bool]:
    """Return a function that tells whether a file is an image (H, W, 3) up to what JPEG loses: its finest detail."""

    def compare(path: Path, image: np.ndarray) -> bool:
        found = cv2.imread(str(path))
        assert found.shape == image.shape
        coarse = [cv2.blur(x.astype(np.float32), (15, 15)) for x in (found, image)]
        return bool(np.abs(coarse[0] - coarse[1]).max() < 10)

    return compare
