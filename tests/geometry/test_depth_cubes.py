"""Depth in a cube: -1 at its front, 1 at its back, beyond and without a measurement."""

import numpy as np

from handkd.geometry import scale_to_cube


def test_depth_is_clipped_to_the_cube():
    depth = np.float32([[400, 500, 550], [600, 900, 0], [np.nan, 450, 1]])
    scaled = np.empty_like(depth)
    scale_to_cube(depth, 500.0, 200.0, scaled)
    np.testing.assert_allclose(scaled, [[-1, 0, 0.5], [1, 1, 1], [1, -0.5, -1]])
