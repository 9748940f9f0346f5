"""Reader of image files: upright, the same from every format, and an error for truncated files."""

from __future__ import annotations

import mmap
import os
from typing import BinaryIO

import cv2
import numpy as np

from .image_headers import BrokenHeaderError, ImageHeader, cut_off, read_header
from .reading import open_file

MAX_PIXELS = 150_000_000
"""Largest image that is read, px: more than cameras usually have; decoding it takes seconds and 0.5 GB."""
MAX_BYTES = 1 << 30
"""Largest image file that is read, bytes: the size of the largest image without compression."""
_WHOLE = 1 << 26  # larger files are read only after a check of their header
_FLIPS = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}
"""Orientation -> OpenCV's code of the flip after the transposition, if any: 1 horizontal, 0 vertical, -1 both."""


class ImageReadError(OSError):
    """A file exists but contains no usable image."""


def read_image(path: str | os.PathLike) -> np.ndarray:
    """Read an image file.

    A grey image gets three equal channels, an alpha channel is ignored, palettes and CMYK become colours, and a
    photograph is rotated upright by its EXIF tag, in JPEG, MPO, PNG, WebP and TIFF. An image of more than 8 bits is
    an error, since it is nearly always a depth map. So is a truncated file, whose missing part some
    versions of OpenCV fill with grey or black, and one of more than :data:`MAX_PIXELS`.

    Args:
        path: The file, in any format that OpenCV reads.

    Returns:
        Shape (H, W, 3), uint8, BGR.

    Raises:
        FileNotFoundError: If the file is missing.
        IsADirectoryError: If it is a directory.
        ImageReadError: If it is empty, truncated, not an image, too large, or not 8-bit. All three are OSErrors.
    """
    # ANYDEPTH keeps OpenCV from silently converting 16 bits to 8, ANYCOLOR drops alpha. It depends on OpenCV's version
    # which formats it rotates upright.
    image, orientation = _decode(path, cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION)
    if image.dtype != np.uint8:
        raise ImageReadError(
            f'{os.fspath(path)!r} has {image.dtype} values, an image must be 8-bit; convert a '
            'photograph to 8 bits; a depth map is not an image'
        )
    image = _turn_upright(image, orientation)
    return image if image.ndim == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)


def read_picture(source: str | os.PathLike | np.ndarray) -> np.ndarray:
    """Read a colour picture for inference.

    Args:
        source: Path of a file, or an array BGR, uint8, shape (H, W, 3).

    Returns:
        BGR, uint8, shape (H, W, 3).

    Raises:
        OSError: If the file can't be read; names it.
        ValueError: If the array is not such a picture.
    """
    image = source if isinstance(source, np.ndarray) else read_image(source)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f'an image must be BGR, uint8, (H, W, 3); found {image.dtype} {image.shape}')
    return image


def read_raster(path: str | os.PathLike, dtype: type, channels: int) -> np.ndarray:
    """Read a map of numbers stored as an image: a depth map or mask. It is never rotated.

    Args:
        path: The file, in any lossless format that OpenCV reads.
        dtype: Required type of its values, np.uint8 or np.uint16.
        channels: 1 or 3.

    Returns:
        Shape (H, W), or (H, W, 3) with the channels in the order blue, green, red.

    Raises:
        FileNotFoundError: If the file is missing.
        IsADirectoryError: If it is a directory.
        ImageReadError: If it is damaged, too large, or has other values or channels.
    """
    raster, _ = _decode(path, cv2.IMREAD_UNCHANGED)
    found = 1 if raster.ndim == 2 else raster.shape[2]
    if raster.dtype != dtype or found != channels:
        raise ImageReadError(
            f'{os.fspath(path)!r} has {found} channel(s) of {raster.dtype}, '
            f'expected {channels} of {np.dtype(dtype).name}'
        )
    return raster


def image_size(path: str | os.PathLike) -> tuple[int, int]:
    """Return the (width, height) of the result of :func:`read_image`, px, without decoding it.

    Raises:
        OSError: As :func:`read_image`, as far as the header shows.
    """
    return _header(path).upright_size


def raster_size(path: str | os.PathLike) -> tuple[int, int]:
    """Return the (width, height) of the result of :func:`read_raster`, px, without decoding it.

    Raises:
        OSError: As :func:`read_raster`, as far as the header shows.
    """
    return _header(path).size


def _header(path: str | os.PathLike) -> ImageHeader:
    """Read a file's header without reading its pixels."""
    with _open(path) as file:
        return _mapped_header(file, path)


def _mapped_header(file: BinaryIO, path: str | os.PathLike) -> ImageHeader:
    if not os.fstat(file.fileno()).st_size:  # an empty file can't be mapped
        return _checked_header(b'', path)
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return _checked_header(data, path)


def _checked_header(data: bytes | mmap.mmap, path: str | os.PathLike) -> ImageHeader:
    """Read a header, and refuse an image that is too large to be decoded per sample."""
    try:
        header = read_header(data)
    except BrokenHeaderError as error:
        raise ImageReadError(f'{os.fspath(path)!r} {error}') from None
    width, height = header.size
    if width * height > MAX_PIXELS:
        raise ImageReadError(
            f'{os.fspath(path)!r} has {width} x {height} = {width * height / 1e6:.0f} million pixels, at most '
            f'{MAX_PIXELS / 1e6:.0f} million are read; make it smaller, and its labels (2D joints, box, K), if any'
        )
    return header


def _open(path: str | os.PathLike) -> BinaryIO:
    """Open a file, or raise an error that names what was found."""
    try:
        file = open_file(path)
    except FileNotFoundError:
        raise FileNotFoundError(
            f'no image file {os.fspath(path)!r}; copy it there, or correct its path '
            '(of a data set: data_root, or the entry of its labels)'
        ) from None
    except IsADirectoryError:
        raise IsADirectoryError(f'{os.fspath(path)!r} is a directory; name an image file in it') from None
    except ValueError as error:  # an invalid path
        raise ImageReadError(str(error)) from error
    size = os.fstat(file.fileno()).st_size
    if size > MAX_BYTES:
        file.close()
        raise ImageReadError(f'{os.fspath(path)!r} has {size} bytes, an image may have at most {MAX_BYTES}')
    return file


def _decode(path: str | os.PathLike, flags: int) -> tuple[np.ndarray, int]:
    """Return a file's stored pixels and their orientation, or raise an error that names the fault."""
    with _open(path) as file:
        if os.fstat(file.fileno()).st_size > _WHOLE:
            _mapped_header(file, path)
        data = file.read()
    header = _checked_header(data, path)
    # A search from the start would find the end of an embedded thumbnail; in compressed data FF D9 is always the end.
    if header.scan is not None and data.find(b'\xff\xd9', header.scan) < 0:
        raise ImageReadError(f'{os.fspath(path)!r} {cut_off(data)}')
    if header.orientation > 1 and header.orientation_at is not None:
        data = _without_orientation(data, *header.orientation_at)
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except (cv2.error, MemoryError) as error:  # OpenCV has its own limits
        raise ImageReadError(f'{os.fspath(path)!r} is refused by OpenCV: {" ".join(str(error).split())}') from None
    if image is None:
        raise ImageReadError(
            f'{os.fspath(path)!r} is damaged, or no image that OpenCV can read; convert it to PNG or JPEG'
        )
    return image, header.orientation


def _without_orientation(data: bytes, at: int, width: int) -> bytes:
    """Return a TIFF file with orientation 1: OpenCV rotates others regardless of its flags."""
    return data[:at] + (1).to_bytes(width, 'little' if data[:2] == b'II' else 'big') + data[at + width :]


def _turn_upright(image: np.ndarray, orientation: int) -> np.ndarray:
    """Rotate stored pixels upright by their orientation, 1 to 8."""
    if orientation > 4:
        image = cv2.transpose(image)
    if orientation in _FLIPS:
        image = cv2.flip(image, _FLIPS[orientation])
    return image
