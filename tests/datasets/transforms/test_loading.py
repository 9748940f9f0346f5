"""Image files of every kind, whole and broken."""

import cv2
import numpy as np
import pytest

from handkd.datasets.transforms import ImageReadError, read_image, read_raster

RNG = np.random.default_rng(0)
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
    # EXIF, big endian, one entry: orientation (0x0112), a short, one of it, 6: turn clockwise.
    exif = b'Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0'
    upright = read_image(write(with_segment(encode('.jpg'), exif)))
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
    with pytest.raises(FileNotFoundError, match=r"no image file '.*nowhere\.png'; check the path"):
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
