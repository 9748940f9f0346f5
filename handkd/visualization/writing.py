"""Picture files."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np


def check_picture_path(path: str | Path) -> Path:
    """Check that a picture can be written under a name.

    Args:
        path: The file.

    Returns:
        Its path.

    Raises:
        ValueError: If it is a folder, or its ending is that of no kind of picture.
    """
    path = Path(path)
    if path.is_dir() or not path.suffix or not cv2.haveImageWriter(str(path)):
        raise ValueError(f'{path}: a picture is a file with an ending such as .png or .jpg')
    return path


def write_picture(path: str | Path, image: np.ndarray) -> None:
    """Write a picture, with its folder.

    Args:
        path: The file.
        image: BGR, uint8, shape (H, W, 3).

    Raises:
        ValueError: If the file's ending is that of no kind of picture.
        OSError: If it can't be written; names it.
    """
    path = check_picture_path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), image):
        raise OSError(f'{path}: the picture could not be written: is the disk full?')
