import cv2
import numpy as np
import pytest

from handkd.datasets.readers.depth_files import DepthFormat


@pytest.fixture
def counts():
    counts = np.random.default_rng(0).integers(300, 60000, (6, 8)).astype(np.uint16)
    counts[0] = 0
    return counts


def write(path, red, green, blue):
    cv2.imwrite(str(path), np.stack([blue, green, red], -1).astype(np.uint8))
    return path


@pytest.mark.parametrize('channels', ['RG', 'GR', 'GB'])
def test_two_bytes_in_two_channels(tmp_path, counts, channels):
    planes = dict.fromkeys('RGB', np.zeros_like(counts))
    planes[channels[0]], planes[channels[1]] = counts // 256, counts % 256
    path = write(tmp_path / 'd.png', planes['R'], planes['G'], planes['B'])
    depth = DepthFormat(channels, unit=5000 / 65535).read(path)
    assert depth.dtype == np.float32
    np.testing.assert_allclose(depth, counts * 5000.0 / 65535, rtol=1e-6)


def test_sixteen_bits(tmp_path, counts):
    counts[1, 1] = 32001
    cv2.imwrite(str(tmp_path / 'd.png'), counts)
    depth = DepthFormat(nothing=(32001,)).read(tmp_path / 'd.png')
    expected = counts.astype(np.float32)
    expected[1, 1] = 0
    np.testing.assert_array_equal(depth, expected)


def test_swapped_channels_are_noticed(tmp_path, counts):
    # What cv2.imwrite makes of an RGB array: red and blue change places.
    path = write(tmp_path / 'd.png', np.zeros_like(counts), counts % 256, counts // 256)
    with pytest.raises(
        OSError, match=r'd\.png.*channel R, a byte of the depth .*, is empty.*red and blue were swapped'
    ):
        DepthFormat('RG').read(path)
    path = write(tmp_path / 'e.png', counts % 256, counts // 256, np.zeros_like(counts))
    with pytest.raises(OSError, match=r'e\.png.*channel B, a byte of the depth .*, is empty'):
        DepthFormat('GB').read(path)


def test_no_reading_at_all_and_near_readings_are_no_swap(tmp_path):
    zero = np.zeros((4, 4))
    assert not DepthFormat('RG').read(write(tmp_path / 'empty.png', zero, zero, zero)).any()
    assert (DepthFormat('GB').read(write(tmp_path / 'near.png', zero, zero, zero + 200)) == 200).all()


@pytest.mark.parametrize(
    ('pixels', 'reading', 'found'),
    [
        (np.ones((4, 4), np.uint8), DepthFormat('RG'), r'1 channel\(s\) of uint8, expected 3 of uint8'),
        (np.ones((4, 4, 3), np.uint8), DepthFormat(), r'3 channel\(s\) of uint8, expected 1 of uint16'),
    ],
)
def test_a_file_of_another_kind(tmp_path, pixels, reading, found):
    cv2.imwrite(str(tmp_path / 'd.png'), pixels)
    with pytest.raises(OSError, match=rf'd\.png.*{found}'):
        reading.read(tmp_path / 'd.png')


@pytest.mark.parametrize('unit', [0, -1.0, float('nan'), float('inf'), 1e7, True, '1'])
def test_a_unit_that_is_none(unit):
    with pytest.raises(ValueError, match='the unit of depth maps in mm must be a number above 0, up to 1e.06'):
        DepthFormat(unit=unit)
