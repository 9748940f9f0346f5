"""Image files of every kind, whole and broken."""

import io
import os
import struct
import subprocess
import sys

import cv2
import numpy as np
import pytest
from PIL import Image

from handkd.image_files import (
    MAX_PIXELS,
    ImageReadError,
    image_size,
    raster_size,
    read_image,
    read_raster,
)

RNG = np.random.default_rng(0)
EXIF_6 = b'Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0'
"""EXIF, big endian, one entry: orientation (0x0112), a short, one of it, 6: turn clockwise."""
COLOUR = cv2.GaussianBlur(RNG.integers(0, 256, (60, 80, 3), dtype=np.uint8), (0, 0), 2)


def encode(extension, image=COLOUR, *options):
    return cv2.imencode(extension, image, options)[1].tobytes()


@pytest.fixture
def write(tmp_path):
    def write(data, name='hand.png'):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write


@pytest.mark.parametrize('extension', ['.png', '.bmp', '.tiff', '.webp', '.jpg'])
def test_colour(write, extension):
    image = read_image(write(encode(extension), f'hand{extension}'))
    assert image.dtype == np.uint8 and image.shape == COLOUR.shape
    difference = np.abs(image.astype(int) - COLOUR)
    assert difference.mean() < 4 if extension in ('.jpg', '.webp') else difference.max() == 0


@pytest.mark.parametrize('extension', ['.png', '.jpg'])
def test_grey_becomes_three_equal_channels(write, extension):
    image = read_image(write(encode(extension, COLOUR[..., 0])))
    assert image.shape == COLOUR.shape
    assert (image == image[..., :1]).all()
    assert np.abs(image[..., 0].astype(int) - COLOUR[..., 0]).mean() < 4


def test_alpha_is_ignored(write):
    alpha = RNG.integers(0, 256, (60, 80, 1), dtype=np.uint8)
    np.testing.assert_array_equal(read_image(write(encode('.png', np.concatenate([COLOUR, alpha], -1)))), COLOUR)


@pytest.mark.parametrize('shape', [(60, 80), (60, 80, 3)])
def test_sixteen_bits_are_refused(write, shape):
    path = write(encode('.png', np.full(shape, 1000, np.uint16)))
    with pytest.raises(ImageReadError, match=r'hand\.png.*uint16.*must be 8-bit'):
        read_image(path)


@pytest.mark.parametrize('keep', [0.02, 0.3, 0.6, 0.95, -12, -1])
@pytest.mark.parametrize('kind', ['png', 'jpg', 'progressive jpg'])
def test_a_file_that_ends_early_is_refused(write, kind, keep):
    options = (cv2.IMWRITE_JPEG_PROGRESSIVE, 1) if kind == 'progressive jpg' else ()
    data = encode(f'.{kind[-3:]}', COLOUR, *options)
    path = write(data[: int(len(data) * keep) if keep > 0 else keep])
    with pytest.raises(ImageReadError, match=r'hand\.png.*is cut off after \d+ bytes; copy or download it again'):
        read_image(path)


def with_segment(jpeg, payload):
    """Put an APP1 segment behind the start marker of a JPEG file."""
    return jpeg[:2] + b'\xff\xe1' + (len(payload) + 2).to_bytes(2, 'big') + payload + jpeg[2:]


def test_the_end_of_a_thumbnail_is_not_the_end_of_the_image(write):
    data = with_segment(encode('.jpg'), b'thumbnail \xff\xd8 ... \xff\xd9')
    assert read_image(write(data)).shape == COLOUR.shape
    with pytest.raises(ImageReadError, match='cut off'):
        read_image(write(data[: len(data) // 2]))


def test_photographs_are_turned_upright(write):
    upright = read_image(write(with_segment(encode('.jpg'), EXIF_6)))
    plain = read_image(write(encode('.jpg')))
    np.testing.assert_array_equal(upright, np.rot90(plain, -1))


@pytest.mark.parametrize(
    ('data', 'message'),
    [(b'', 'is empty'), (b'a text, no image', 'no image that OpenCV can read'), (b'\x89PNG\r\n\x1a\n', 'cut off')],
)
def test_no_image(write, data, message):
    with pytest.raises(ImageReadError, match=rf'hand\.png.*{message}'):
        read_image(write(data))


def test_a_damaged_image(write):
    data = bytearray(encode('.png'))
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(ImageReadError, match='is damaged'):
        read_image(write(bytes(data)))


def test_missing_and_directory(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no image file '.*nowhere\.png'; copy it there, or correct its path"):
        read_image(tmp_path / 'nowhere.png')
    with pytest.raises(IsADirectoryError, match='is a directory; name an image file'):
        read_image(tmp_path)


@pytest.mark.parametrize('shape', [(5, 7), (5, 7, 3)])
@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_numbers_come_back_as_they_are(tmp_path, shape, dtype):
    values = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape).astype(dtype)
    cv2.imwrite(str(tmp_path / 'a.png'), values)
    channels = 3 if len(shape) == 3 else 1
    np.testing.assert_array_equal(read_raster(tmp_path / 'a.png', dtype, channels), values)
    other = np.uint8 if dtype is np.uint16 else np.uint16
    with pytest.raises(ImageReadError, match=rf'a\.png.*{channels} channel.*expected {channels} of {other.__name__}'):
        read_raster(tmp_path / 'a.png', other, channels)
    with pytest.raises(ImageReadError, match=f'expected {4 - channels}'):
        read_raster(tmp_path / 'a.png', dtype, 4 - channels)


@pytest.mark.parametrize('orientation', range(1, 9))
def test_every_format_and_orientation_comes_out_upright(tmp_path, photograph, orientation):
    path = photograph(COLOUR, tmp_path, orientation)
    image = read_image(path)
    assert image_size(path) == (80, 60) == image.shape[1::-1]
    difference = np.abs(image.astype(int) - COLOUR)
    assert difference.mean() < 2 if path.suffix in ('.jpg', '.mpo') else difference.max() == 0
    assert raster_size(path) == ((60, 80) if orientation > 4 else (80, 60)), 'as it is stored'


@pytest.mark.parametrize('kind', ['png', 'tiff'])
def test_numbers_are_never_turned(tmp_path, kind):
    values = np.arange(5 * 7, dtype=np.uint16).reshape(5, 7)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(values).save(tmp_path / f'a.{kind}', exif=exif)
    np.testing.assert_array_equal(read_raster(tmp_path / f'a.{kind}', np.uint16, 1), values)
    assert raster_size(tmp_path / f'a.{kind}') == (7, 5)


@pytest.mark.parametrize(
    ('mode', 'kind'),
    [(mode, kind) for mode in ('1', 'L', 'LA', 'P', 'RGBA') for kind in ('PNG', 'TIFF')]
    + [('CMYK', 'TIFF'), ('CMYK', 'JPEG'), ('L', 'WEBP'), ('RGBA', 'WEBP')],
)
def test_every_kind_of_pixels_becomes_three_channels(tmp_path, mode, kind):
    image = Image.fromarray(COLOUR[..., ::-1]).convert(mode)
    image.save(tmp_path / 'a', kind, **(dict(lossless=True) if kind == 'WEBP' else {}))
    read = read_image(tmp_path / 'a')
    expected = np.array(image.convert('RGB'))[..., ::-1]
    assert read.shape == expected.shape and read.dtype == np.uint8
    assert np.abs(read.astype(int) - expected).max() <= (10 if kind == 'JPEG' else 0)


def huge(kind):
    """The beginning of a picture of 20000 x 10000 px, and as much behind it as makes it look whole."""
    if kind == 'png':
        data = bytearray(encode('.png'))
        data[16:24] = struct.pack('>II', 20000, 10000)
    elif kind == 'jpg':
        data = bytearray(encode('.jpg'))
        at = data.index(b'\xff\xc0') + 5
        data[at : at + 4] = struct.pack('>HH', 10000, 20000)
    else:
        data = bytearray(encode('.bmp'))
        data[18:26] = struct.pack('<ii', 20000, 10000)
    return bytes(data)


@pytest.mark.parametrize('kind', ['png', 'jpg', 'bmp'])
@pytest.mark.parametrize('read', [read_image, image_size, raster_size, lambda path: read_raster(path, np.uint8, 3)])
def test_a_picture_of_200_megapixels_is_refused_in_a_line(write, kind, read):
    said = rf'hand\.{kind}.* has 20000 x 10000 = 200 million .*at most {MAX_PIXELS // 10**6} million'
    with pytest.raises(ImageReadError, match=said) as error:
        read(write(huge(kind), f'hand.{kind}'))
    assert '\n' not in str(error.value) and 'make it smaller' in str(error.value)


def test_what_opencv_itself_refuses_is_said_in_a_line(write, monkeypatch):
    def refuse(*args):
        raise cv2.error('OpenCV(4)\n> pixels <= CV_IO_MAX_IMAGE_PIXELS\n')

    monkeypatch.setattr(cv2, 'imdecode', refuse)
    with pytest.raises(ImageReadError, match=r"hand\.png' is refused by OpenCV: OpenCV\(4\) > pixels") as error:
        read_image(write(encode('.png')))
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('extension', ['.webp', '.tiff', '.bmp'])
@pytest.mark.parametrize('keep', [0.3, 0.95])
def test_other_formats_that_end_early_are_refused(write, extension, keep):
    data = encode(extension)
    with pytest.raises(ImageReadError, match=r'hand\.png.*(is cut off after|is damaged)'):
        read_image(write(data[: int(len(data) * keep)]))


def gigapixels(kind):
    """A file that says it is 30,000 x 30,000 px."""
    if kind == 'tiff':
        data = bytearray(encode('.tiff'))
        start = struct.unpack_from('<I', data, 4)[0]
        for entry in range(struct.unpack_from('<H', data, start)[0]):
            at = start + 2 + 12 * entry
            if struct.unpack_from('<H', data, at)[0] in (256, 257):
                struct.pack_into('<HHII', data, at, struct.unpack_from('<H', data, at)[0], 4, 1, 30000)
    elif kind == 'webp':
        extended = b'VP8X' + struct.pack('<I', 10) + bytes(4) + 2 * (29999).to_bytes(3, 'little')
        data = encode('.webp')[12:]
        data = b'RIFF' + struct.pack('<I', 4 + len(extended) + len(data)) + b'WEBP' + extended + data
    elif kind == 'gif':
        file = io.BytesIO()
        Image.new('P', (8, 6)).save(file, 'GIF')
        data = bytearray(file.getvalue())
        struct.pack_into('<HH', data, 6, 30000, 30000)
    else:
        data = bytearray(huge(kind))
        place = {'png': (16, '>II'), 'bmp': (18, '<ii'), 'jpg': (data.find(b'\xff\xc0') + 5, '>HH')}[kind]
        struct.pack_into(place[1], data, place[0], 30000, 30000)
    return bytes(data)


@pytest.mark.parametrize('kind', ['png', 'jpg', 'webp', 'tiff', 'gif', 'bmp'])
@pytest.mark.parametrize('read', [read_image, image_size, raster_size, lambda path: read_raster(path, np.uint16, 1)])
def test_a_picture_of_900_megapixels_is_never_decoded(write, monkeypatch, kind, read):
    monkeypatch.setattr(cv2, 'imdecode', None)
    with pytest.raises(ImageReadError, match=r'has 30000 x 30000 = 900 million pixels'):
        read(write(gigapixels(kind), f'hand.{kind}'))


def test_of_two_sizes_of_a_tiff_the_larger_one_counts(write):
    """A decoder may take the first one, or the last."""
    data = bytearray(encode('.tiff'))
    start = struct.unpack_from('<I', data, 4)[0]
    count = struct.unpack_from('<H', data, start)[0]
    old = bytes(data[start + 2 : start + 2 + 12 * count])
    twice = struct.pack('<HHII', 256, 4, 1, 30000) + struct.pack('<HHII', 257, 4, 1, 30000) + old
    struct.pack_into('<I', data, 4, len(data))
    data += struct.pack('<H', count + 2) + twice + bytes(4)
    with pytest.raises(ImageReadError, match='has 30000 x 30000'):
        read_image(write(bytes(data), 'hand.tiff'))


@pytest.mark.parametrize('read', [read_image, image_size])
def test_files_beyond_all_measure_are_not_read_to_their_end(tmp_path, read):
    path = tmp_path / 'hand.bmp'
    path.write_bytes(gigapixels('bmp'))
    for size, said in ((1 << 29, 'has 30000 x 30000'), (1 << 40, 'bytes, an image may have at most 1073741824')):
        os.truncate(path, size)
        with pytest.raises(ImageReadError, match=said):
            read(path)


@pytest.mark.parametrize('read', [read_image, image_size, lambda path: read_raster(path, np.uint16, 1)])
def test_what_is_no_file_is_not_opened(tmp_path, read):
    os.mkfifo(tmp_path / 'pipe.png')
    (tmp_path / 'loop.png').symlink_to(tmp_path / 'loop.png')
    for path in (tmp_path / 'pipe.png', '/dev/zero', tmp_path / 'loop.png', 'a\0.png'):
        with pytest.raises(OSError, match=r'not a regular file: name a file|symbolic links|can not be opened'):
            read(path)


@pytest.mark.parametrize(
    'data',
    [
        b'II+\0\x08\0\0\0' + b'\xff' * 8,  # a BigTIFF whose directory lies behind all that can be
        b'\xff\xd8' + b'\xff\x00' * 3_000_000,  # nothing but parts
        b'\x89PNG\r\n\x1a\n' + struct.pack('>I4sII5x4x', 13, b'IHDR', 4, 4) + bytes(12) * 1_100_000,
        b'BM' + b'\xff' * 60,
        b'P6 99999999999999999999999999 1 255\n',
        b'\x00\x00\x00\x0cjP  \r\n\x87\n' + b'\x7f' * 40,
    ],
)
def test_broken_headers_are_one_line(write, data):
    with pytest.raises(ImageReadError, match=r'hand\.png'):
        image_size(write(data))


def test_images_are_read_without_torch_and_mmengine():
    code = 'import handkd.image_files, handkd.hand, handkd.files, sys; print(*sys.modules)'
    loaded = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True).stdout.split()
    assert not {'torch', 'mmengine', 'mmcv', 'PIL', 'matplotlib', 'scipy'} & {*loaded}
