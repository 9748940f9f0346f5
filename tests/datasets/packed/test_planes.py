"""Stored pixels come back as they were, or as near as the unit allows."""

import numpy as np
import pytest

from handkd.datasets.packed import planes
from handkd.datasets.packed.planes import encode_depth, encode_parts


def decode_depth(counts, unit):
    out = np.full(counts.shape, np.nan, np.float32)
    planes.decode_depth(counts, unit, out)
    return out


def decode_mask(plane):
    out = np.full(plane.shape, 3, np.uint8).view(bool)
    planes.decode_mask(plane, out)
    assert set(np.unique(out.view(np.uint8))) <= {0, 1}
    return out


def decode_parts(plane):
    out = np.empty(plane.shape, np.uint8)
    planes.decode_parts(plane, out)
    return out


@pytest.mark.parametrize('unit', [0.1, 0.25])
def test_depth_is_half_a_unit_off_at_most(unit):
    depth = np.random.default_rng(0).uniform(unit, 65535 * unit, (50, 40)).astype(np.float32)
    counts = encode_depth(depth, unit)
    assert counts.dtype == np.uint16
    back = decode_depth(counts, unit)
    assert np.abs(back - depth).max() <= unit / 2 + 1e-3  # 1e-3: the rounding of float32 at 6 m


def test_what_can_not_be_said_is_no_reading():
    depth = np.array([[0, np.nan, np.inf, -np.inf, -3, 6553.6, 7000, 6553.5, 0.1]], np.float32)
    np.testing.assert_allclose(decode_depth(encode_depth(depth, 0.1), 0.1), [[0] * 7 + [6553.5, 0.1]], rtol=1e-6)


def test_every_label_with_and_without_the_mask():
    parts = np.array([[*range(21), 63, 255]] * 2, np.uint8)
    mask = np.array([[True] * 23, [False] * 23])
    plane = encode_parts(mask, parts)
    assert plane.dtype == np.uint8
    np.testing.assert_array_equal(decode_parts(plane), parts)
    np.testing.assert_array_equal(decode_mask(plane), mask)
    np.testing.assert_array_equal(decode_mask(encode_parts(mask, None)), mask)
    np.testing.assert_array_equal(decode_parts(encode_parts(None, parts)), parts)


def test_a_label_too_large_is_refused():
    with pytest.raises(ValueError, match='label 64'):
        encode_parts(None, np.array([[3, 64, 255]], np.uint8))
