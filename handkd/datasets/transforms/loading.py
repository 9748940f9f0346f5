"""Reading an image file, and refusing one that is not whole."""

from __future__ import annotations

import os

import cv2
import numpy as np


class ImageReadError(OSError):
    """A file is there but holds no usable image."""


def read_image(path: str | os.PathLike) -> np.ndarray:
    """Read an image file.

    A grey image gets three equal channels, an alpha channel is ignored, and a photograph is turned upright as its EXIF
    tag says. An image of more than 8 bits is refused, since it is nearly always a depth map and no photograph. So is a
    PNG or JPEG file that ends early, whose rest some versions of OpenCV fill up with grey or black.

    Args:
        path: The file, in any format that OpenCV reads.

    Returns:
        Shape (H, W, 3), uint8, BGR.

    Raises:
        FileNotFoundError: If there is no such file.
        IsADirectoryError: If it is a directory.
        ImageReadError: If it is empty, cut off, no image, or no 8-bit image. All three are OSErrors.
    """
    # ANYDEPTH keeps OpenCV from cutting 16 bits down to 8 in silence. ANYCOLOR drops alpha and, unlike UNCHANGED, heeds
    # EXIF.
    image = _decode(path, cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH)
    if image.dtype != np.uint8:
        raise ImageReadError(
            f'{os.fspath(path)!r} holds {image.dtype} values, an image must be 8-bit; a depth map does not belong here'
        )
    return image if image.ndim == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)


def read_raster(path: str | os.PathLike, dtype: type, channels: int) -> np.ndarray:
    """Read a file of numbers that only looks like an image: a depth map, a mask.

    Args:
        path: The file, in any lossless format that OpenCV reads.
        dtype: What its values must be, np.uint8 or np.uint16.
        channels: 1 or 3.

    Returns:
        Shape (H, W), or (H, W, 3) with the channels in the order blue, green, red.

    Raises:
        FileNotFoundError: If there is no such file.
        IsADirectoryError: If it is a directory.
        ImageReadError: If it is damaged, or has other values or channels.
    """
    raster = _decode(path, cv2.IMREAD_UNCHANGED)
    found = 1 if raster.ndim == 2 else raster.shape[2]
    if raster.dtype != dtype or found != channels:
        raise ImageReadError(
            f'{os.fspath(path)!r} has {found} channel(s) of {raster.dtype}, '
            f'expected {channels} of {np.dtype(dtype).name}'
        )
    return raster


def _decode(path: str | os.PathLike, flags: int) -> np.ndarray:
    """Read and decode a whole file, or say what is wrong with it."""
    try:
        with open(path, 'rb') as file:
            data = file.read()
    except FileNotFoundError:
        raise FileNotFoundError(f'no image file {os.fspath(path)!r}; check the path (img_path, data_root)') from None
    except IsADirectoryError:
        raise IsADirectoryError(f'{os.fspath(path)!r} is a directory; name an image file in it') from None
    fault = _fault(data)
    if fault is None:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
        if image is not None:
            return image
        fault = 'is damaged, or no image that OpenCV can read; convert it to PNG or JPEG'
    raise ImageReadError(f'{os.fspath(path)!r} {fault}')


def _fault(data: bytes) -> str | None:
    """Say what is wrong with a file by its structure alone, or None."""
    if not data:
        return 'is empty; copy or download it again'
    whole = True
    if data.startswith(b'\x89PNG\r\n\x1a\n'):
        whole = _png_is_whole(data)
    elif data.startswith(b'\xff\xd8'):
        whole = _jpeg_is_whole(data)
    return None if whole else f'is cut off after {len(data)} bytes; copy or download it again'


def _png_is_whole(data: bytes) -> bool:
    """Walk over the chunks (length, name, content, checksum) up to the closing one."""
    at = 8
    while at + 12 <= len(data):
        if data[at + 4 : at + 8] == b'IEND':
            return True
        at += 12 + int.from_bytes(data[at : at + 4], 'big')
    return False


def _jpeg_is_whole(data: bytes) -> bool:
    """Walk over the segments to the compressed data, then look for the closing marker.

    A plain search would find the end of an embedded thumbnail; in compressed data FF D9 can stand for nothing else.
    """
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        if data[at + 1] == 0xDA:
            return data.find(b'\xff\xd9', at) >= 0
        at += 1 if data[at + 1] == 0xFF else 2 + int.from_bytes(data[at + 2 : at + 4], 'big')
    return False
