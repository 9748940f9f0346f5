"""What image files say of themselves, in every format and orientation, whole and cut off."""

import io
import mmap

import numpy as np
import pytest
from PIL import Image

from handkd.image_headers import BrokenHeaderError, read_header

WIDE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 44, 3), dtype=np.uint8))
FORMATS = {
    'JPEG': {},
    'MPO': dict(save_all=True, append_images=[WIDE]),
    'PNG': {},
    'WEBP': {},
    'WEBP lossless': dict(lossless=True),
    'TIFF': {},
    'TIFF big': dict(big_tiff=True),
}


def encode(kind, orientation=None, image=WIDE):
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    file = io.BytesIO()
    image.save(file, kind.split()[0], exif=exif, **FORMATS.get(kind, {}))
    return file.getvalue()


@pytest.mark.parametrize('kind', FORMATS)
@pytest.mark.parametrize('orientation', range(1, 9))
def test_size_and_orientation(kind, orientation):
    header = read_header(encode(kind, orientation))
    assert header.size == (44, 30) and header.orientation == orientation
    assert header.upright_size == ((30, 44) if orientation > 4 else (44, 30))


@pytest.mark.parametrize('kind', FORMATS)
@pytest.mark.parametrize('orientation', [None, 0, 9])
def test_no_orientation_is_upright(kind, orientation):
    assert read_header(encode(kind, orientation)).orientation == 1


@pytest.mark.parametrize('kind', ['BMP', 'PPM', 'JPEG2000', 'GIF'])
def test_formats_without_a_tag(kind):
    assert read_header(encode(kind)).upright_size == (44, 30)


def test_exif_behind_the_pixels_of_a_png():
    data = encode('PNG', 6)
    at = data.index(b'eXIf') - 4
    length = 12 + int.from_bytes(data[at : at + 4], 'big')
    chunk, rest = data[at : at + length], data[:at] + data[at + length :]
    assert read_header(rest).orientation == 1
    assert read_header(rest[:-12] + chunk + rest[-12:]).orientation == 6


def test_damaged_exif_turns_nothing():
    data = encode('JPEG', 6)
    at = data.index(b'Exif\0\0') + 6
    for garbage in (b'\xff' * 8, b'MM\0*\xff\xff\xff\xff'):
        assert read_header(data[:at] + garbage + data[at + 8 :]).orientation == 1


@pytest.mark.parametrize('kind', ['PNG', 'WEBP', 'WEBP lossless'])
@pytest.mark.parametrize('keep', [13, 25, 40, -20])
def test_a_file_that_ends_early(kind, keep):
    with pytest.raises(BrokenHeaderError, match=r'is cut off after \d+ bytes; copy or download it again'):
        read_header(encode(kind)[:keep])


@pytest.mark.parametrize('kind', ['JPEG', 'TIFF', 'TIFF big'])
def test_a_header_that_ends_early(kind):
    with pytest.raises(BrokenHeaderError, match='is cut off after 12 bytes'):
        read_header(encode(kind)[:12])


@pytest.mark.parametrize(('data', 'said'), [(b'', 'is empty'), (b'a text', 'no image that OpenCV can read')])
def test_no_image(data, said):
    with pytest.raises(BrokenHeaderError, match=said):
        read_header(data)


@pytest.mark.parametrize('kind', [*FORMATS, 'BMP'])
def test_a_mapped_file(tmp_path, kind):
    (tmp_path / 'a').write_bytes(encode(kind, 6))
    with open(tmp_path / 'a', 'rb') as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        assert read_header(data) == read_header(data[:])
