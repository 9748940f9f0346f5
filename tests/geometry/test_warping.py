"""A picture is warped from the part of it that the result sees."""

import numpy as np
import pytest

from handkd.geometry import crop_matrix, warping


@pytest.mark.parametrize('side', [9.0, 30.0, 75.0, 400.0])
@pytest.mark.parametrize(
    'center', [(60.0, 40.0), (1.0, 2.0), (118.0, 79.0), (-40.0, 30.0), (60.0, 130.0), (900.0, -900.0)]
)
def test_only_what_a_crop_sees_is_looked_at(monkeypatch, side, center):
    """In the middle, over edges and outside, turned, enlarged and shrunk: the same as from the whole image."""
    image = np.random.default_rng(0).integers(0, 256, (80, 120, 3), np.uint8)
    for rotation, flip in ((0.0, (False, False)), (33.0, (True, False)), (-118.0, (True, True))):
        inverse = np.linalg.inv(crop_matrix(np.array(center), side, 24, rotation, flip))
        part, whole = np.empty((24, 24, 3), np.uint8), np.empty((24, 24, 3), np.uint8)
        warping.warp_image(image, inverse, 99, part)
        with monkeypatch.context() as patch:
            patch.setattr(warping, '_what_is_seen', lambda image, inverse, shape: (image, inverse))
            warping.warp_image(image, inverse, 99, whole)
        np.testing.assert_array_equal(part, whole)
    small, _ = warping._what_is_seen(image, inverse, (24, 24, 3))
    assert small.shape[0] <= 2**0.5 * side + 8 and small.shape[1] <= 2**0.5 * side + 8
