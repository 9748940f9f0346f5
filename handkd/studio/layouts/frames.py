"""Helpers of the layouts' writers: distribution of frames over folders, and image files with checked writes."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np


def spread(num: int, groups: int) -> list[int]:
    """Distribute ``num`` frames evenly over groups, at least one to each; the first ones get the remainder."""
    return [max(1, num // groups + (k < num % groups)) for k in range(groups)]


def save_image(root: Path, name: str, image: np.ndarray) -> str:
    """Write an image file and return its name.

    Args:
        root: Root of the data set.
        name: Posix path relative to it; its suffix selects the format. Missing folders are created.
        image: (H, W) or (H, W, 3) BGR, uint8 or uint16.

    Raises:
        OSError: If the file can't be written; names it.
    """
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), image):
        raise OSError(f'{path} could not be written; is the disk full or the folder read-only?')
    return name
