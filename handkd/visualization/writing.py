"""Image and animation files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from handkd.files import write_atomically


def check_picture_path(path: str | Path) -> Path:
    """Check that a path is that of an image file.

    Args:
        path: The file.

    Returns:
        Its path.

    Raises:
        ValueError: If it is a folder, or its suffix is that of no image format.
    """
    path = Path(path)
    if path.is_dir() or not path.suffix or not cv2.haveImageWriter(str(path)):
        raise ValueError(f'{path}: expected an image file with a suffix such as .png or .jpg')
    return path


def write_picture(path: str | Path, image: np.ndarray) -> None:
    """Write an image atomically; creates its folder.

    Args:
        path: The file.
        image: BGR, uint8, shape (H, W, 3).

    Raises:
        ValueError: If the file's suffix is that of no image format.
        OSError: If it can't be written; names it.
    """
    path = check_picture_path(path)
    written, content = cv2.imencode(path.suffix, image)
    if not written:
        raise OSError(f'{path}: the image could not be written as {path.suffix}')
    write_atomically(path, content.tobytes())


def check_animation_path(path: str | Path) -> Path:
    """Check that a path is that of a GIF file, and return it.

    Raises:
        ValueError: If it is a folder, or its suffix is not .gif.
    """
    path = Path(path)
    if path.is_dir() or path.suffix.lower() != '.gif':
        raise ValueError(f'{path}: expected an animation file with the suffix .gif')
    return path


def write_animation(path: str | Path, frames: Sequence[np.ndarray], milliseconds: int = 80) -> None:
    """Write an endless animation atomically; creates its folder.

    All frames share one palette of 256 colours, without dithering: static parts take no space.

    Args:
        path: The GIF file.
        frames: Images, BGR, uint8, all of one shape (H, W, 3).
        milliseconds: Duration of each frame. Defaults to 80.

    Raises:
        ValueError: If the file has another suffix, there is no frame, or their shapes differ.
        OSError: If it can't be written; names it.
    """
    path = check_animation_path(path)
    shapes = {frame.shape for frame in frames}
    if len(shapes) != 1:
        raise ValueError(f'{path}: an animation needs frames of one shape, found {sorted(shapes)}')
    images = [Image.fromarray(np.ascontiguousarray(frame[..., ::-1])) for frame in frames]
    palette = Image.fromarray(np.vstack([np.asarray(image) for image in images])).quantize(256)
    first, *others = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    content = io.BytesIO()
    first.save(content, 'GIF', save_all=True, append_images=others, duration=milliseconds, loop=0, optimize=False)
    write_atomically(path, content.getvalue())
