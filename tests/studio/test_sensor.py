"""The depth sensor model has the statistics that its parameters say."""

from __future__ import annotations

import numpy as np
import pytest

from handkd.studio import SENSORS, DepthSensor
from handkd.studio.sensor import apply_sensor, resolve_sensor


def flat(depth: float, size: int = 200) -> np.ndarray:
    return np.full((size, size), depth, np.float32)


@pytest.mark.parametrize(('depth', 'sigma'), [(1000.0, 2.0), (2000.0, 8.0), (500.0, 0.5)])
def test_noise_grows_with_the_square_of_depth(depth, sigma):
    out = apply_sensor(flat(depth), DepthSensor(noise=2.0, step=0.0, holes=0.0, flying=0.0), np.random.default_rng(0))
    assert (out - depth).std() == pytest.approx(sigma, rel=0.03)
    assert (out - depth).mean() == pytest.approx(0, abs=0.05 * sigma)


def test_quantisation_steps():
    ramp = np.tile(np.linspace(995, 1005, 400, dtype=np.float32), (4, 1))
    out = apply_sensor(ramp, DepthSensor(noise=0.0, step=2.5, holes=0.0, flying=0.0), np.random.default_rng(0))
    assert np.abs(out - ramp).max() <= 1.27
    assert len(np.unique(np.round(out[0], 1))) < 12


def test_holes_and_flying_pixels_only_at_edges():
    depth = flat(1000.0)
    depth[:, :100] = 500.0
    sensor = DepthSensor(noise=0.0, step=0.0, holes=0.3, flying=0.2)
    out = apply_sensor(depth, sensor, np.random.default_rng(1))
    np.testing.assert_array_equal(np.delete(out, 99, axis=1), np.delete(depth, 99, axis=1))
    edge = out[:, 99]
    assert (edge == 0).mean() == pytest.approx(0.3, abs=0.1)
    between = (edge > 501) & (edge < 1000)
    assert between.mean() == pytest.approx(0.2, abs=0.1)


def test_no_reading_stays_no_reading_and_input_is_kept():
    depth = np.zeros((20, 20), np.float32)
    depth[5:15, 5:15] = 600
    before = depth.copy()
    out = apply_sensor(depth, SENSORS['kinect'], np.random.default_rng(2))
    np.testing.assert_array_equal(depth, before)
    assert (out[before == 0] == 0).all() and out.dtype == np.float32


def test_settings():
    assert resolve_sensor(None) is None and resolve_sensor('clean') is None
    assert resolve_sensor({'preset': 'tof', 'noise': 9}) == DepthSensor(9, 1.0, 0.08, 0.35)
    assert resolve_sensor({'preset': 'clean', 'noise': 1}) == DepthSensor(1, 0.0, 0.0, 0.0)
    with pytest.raises(ValueError, match=r"depth_sensor\['noise'\] must be a number >= 0"):
        resolve_sensor({'noise': -1})
