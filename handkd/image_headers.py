"""Headers of image files, read before decoding: size, EXIF orientation, completeness.

JPEG (with MPO, a JPEG file with appended images), PNG, WebP and TIFF are parsed here, since it depends on the versions
of OpenCV and Pillow which of them they rotate by their EXIF tag. Other formats have no such tag; Pillow reads
their size.
"""

from __future__ import annotations

import io
import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass

_WIDTH, _HEIGHT, _ORIENTATION = 256, 257, 274  # tags of TIFF, and so of EXIF
_MOST_PARTS = 1 << 20  # segments, chunks or tags of a file; a file of nothing else would take long to parse
_OTHERS = ('BMP', 'DIB', 'GIF', 'JPEG2000', 'PPM', 'SUN')  # formats for Pillow, which knows far more than OpenCV
_NO_FRAME = (0xC4, 0xC8, 0xCC)  # among JPEG's markers C0 to CF, those that begin no frame


_DAMAGED = 'is damaged, or no image that OpenCV can read; convert it to PNG or JPEG'


@dataclass(frozen=True)
class ImageHeader:
    """Header of an image file.

    Attributes:
        size: (width, height) of the stored pixels, px.
        orientation: EXIF orientation, 1 to 8; 1 is upright, from 5 on width and height swap.
        orientation_at: Byte offset and length of a TIFF file's orientation tag; else None.
        scan: Byte offset of the compressed data of a JPEG file; else None.
    """

    size: tuple[int, int]
    orientation: int = 1
    orientation_at: tuple[int, int] | None = None
    scan: int | None = None

    @property
    def upright_size(self) -> tuple[int, int]:
        """(width, height) of the upright image, px."""
        return self.size[::-1] if self.orientation > 4 else self.size


class BrokenHeaderError(ValueError):
    """A file is not an image, or is truncated."""


def read_header(data: bytes | mmap.mmap) -> ImageHeader:
    """Read the header of an image file.

    Args:
        data: The whole file; of a memory-mapped one only the needed pages are read.

    Raises:
        BrokenHeaderError: If it is empty, truncated, or not an image; the message completes a sentence about the file.
    """
    if not len(data):
        raise BrokenHeaderError('is empty; copy or download it again')
    try:
        if data[:2] == b'\xff\xd8':
            return _read_jpeg(data)
        if data[:8] == b'\x89PNG\r\n\x1a\n':
            return _read_png(data)
        if data[:4] == b'RIFF' and data[8:12] == b'WEBP':
            return _read_webp(data)
        if data[:4] in (b'II*\0', b'MM\0*', b'II+\0', b'MM\0+'):
            return _read_tiff(data)
    except (IndexError, OverflowError, struct.error):  # the second: an offset beyond any file
        raise cut_off(data) from None
    return _read_other(data)


def cut_off(data: bytes | mmap.mmap) -> BrokenHeaderError:
    """Return the error of a truncated file."""
    return BrokenHeaderError(f'is cut off after {len(data)} bytes; copy or download it again')


def _read_jpeg(data: bytes | mmap.mmap) -> ImageHeader:
    """Parse the segments up to the compressed data; uses the first EXIF segment and the frame."""
    size, orientation, at = None, 1, 2
    for _ in range(_MOST_PARTS):
        if data[at] != 0xFF or data[at + 1] in (0x00, 0xFF):  # decoders skip bytes between two segments
            at = data.find(b'\xff', at + 1)
            if at < 0:
                raise cut_off(data)
            continue
        marker = data[at + 1]
        if marker == 0xDA:
            break
        length = int.from_bytes(data[at + 2 : at + 4], 'big')
        if 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME:
            size = struct.unpack('>HH', data[at + 5 : at + 9])[::-1]
        elif marker == 0xE1 and orientation == 1 and data[at + 4 : at + 10] == b'Exif\0\0':
            orientation = _exif_orientation(data[at + 10 : at + 2 + length])
        at += 2 + max(length, 2)
    if size is None or data[at + 1] != 0xDA:
        raise BrokenHeaderError(_DAMAGED)
    return ImageHeader(size, orientation, scan=at)


def _read_png(data: bytes | mmap.mmap) -> ImageHeader:
    """Parse the chunks (length, name, content, checksum) up to the last; EXIF may come after the pixels."""
    size, orientation, at = struct.unpack('>II', data[16:24]), 1, 8
    for _ in range(_MOST_PARTS):
        length, name = struct.unpack('>I4s', data[at : at + 8])
        if at + 12 + length > len(data):
            raise cut_off(data)
        if name == b'IEND':
            return ImageHeader(size, orientation)
        if name == b'eXIf':
            orientation = _exif_orientation(data[at + 8 : at + 8 + length])
        at += 12 + length
    raise BrokenHeaderError(_DAMAGED)


def _read_webp(data: bytes | mmap.mmap) -> ImageHeader:
    """Parse the chunks (name, length, content); of an animation the first frame counts."""
    end = 8 + int.from_bytes(data[4:8], 'little')
    if end > len(data):
        raise cut_off(data)
    size, orientation, at = None, 1, 12
    for _ in range(_MOST_PARTS):
        if at + 8 > end:
            break
        name, length = struct.unpack('<4sI', data[at : at + 8])
        content = data[at + 8 : at + 8 + min(length, 10)]
        if name == b'VP8X':
            size = tuple(1 + int.from_bytes(content[k : k + 3], 'little') for k in (4, 7))
        elif name == b'VP8 ' and size is None:
            size = tuple(side & 0x3FFF for side in struct.unpack('<HH', content[6:10]))
        elif name == b'VP8L' and size is None:
            bits = int.from_bytes(content[1:5], 'little')
            size = (1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))
        elif name == b'EXIF':
            orientation = _exif_orientation(data[at + 8 : at + 8 + length])
        at += 8 + length + length % 2
    if size is None:
        raise cut_off(data)
    return ImageHeader(size, orientation)


def _read_tiff(data: bytes | mmap.mmap) -> ImageHeader:
    """Read the tags of the first page."""
    tags: dict[int, list[int]] = {}
    for tag, *found in _tiff_tags(data):
        tags[tag] = max(tags.get(tag, found), found)  # the larger of two sizes: the decoder may use either
    if _WIDTH not in tags or _HEIGHT not in tags:
        raise cut_off(data)
    size = (tags[_WIDTH][0], tags[_HEIGHT][0])
    if _ORIENTATION not in tags:
        return ImageHeader(size)
    value, *where = tags[_ORIENTATION]
    return ImageHeader(size, value if 1 <= value <= 8 else 1, tuple(where))


def _read_other(data: bytes | mmap.mmap) -> ImageHeader:
    """Read the size of BMP, JPEG 2000, PPM and so on with Pillow."""
    from PIL import Image  # here, since inference reads mostly the formats above, for which it needs no Pillow

    file = io.BytesIO(data) if isinstance(data, bytes) else data
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None  # MAX_PIXELS applies instead, with a better error
    try:
        with Image.open(file, formats=_OTHERS) as image:
            return ImageHeader(image.size)
    except Exception:  # Pillow's readers raise nearly anything
        raise BrokenHeaderError(_DAMAGED) from None
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def _exif_orientation(exif: bytes) -> int:
    """Return the orientation in EXIF data; 1 if there is none, or they are damaged, which is not an error."""
    try:
        value = next((value for tag, value, *_ in _tiff_tags(exif.removeprefix(b'Exif\0\0')) if tag == _ORIENTATION), 1)
    except (IndexError, OverflowError, struct.error):
        return 1
    return value if 1 <= value <= 8 else 1


def _tiff_tags(data: bytes | mmap.mmap) -> Iterator[tuple[int, int, int, int]]:
    """Yield (tag, first value, its offset, its length in bytes) of the integers in a TIFF's first directory."""
    order = '<' if data[:2] == b'II' else '>'
    big = data[2:4] in (b'+\0', b'\0+')
    offset, number, entry = (8, 'Q', 20) if big else (4, 'H', 12)
    (start,) = struct.unpack_from(order + ('Q' if big else 'I'), data, offset)
    (count,) = struct.unpack_from(order + number, data, start)
    start += 8 if big else 2
    for at in range(start, start + min(count, _MOST_PARTS) * entry, entry):
        tag, kind = struct.unpack_from(order + 'HH', data, at)
        code = {3: 'H', 4: 'I', 16: 'Q'}.get(kind)
        if code is not None:
            where = at + (12 if big else 8)
            yield tag, struct.unpack_from(order + code, data, where)[0], where, struct.calcsize(code)
