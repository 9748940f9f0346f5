"""Blur, noise, tone curve and JPEG do what they say."""

from __future__ import annotations

import numpy as np
import pytest

from handkd.studio.camera_effects import expose, jpeg, sensor_tables


def test_expose_blurs_with_the_right_width_and_keeps_light():
    deviates, curve = sensor_tables()
    light = np.full((41, 123), 0.25, np.float32)
    out = np.empty((41, 123), np.uint8)
    expose(light.copy(), np.empty_like(light), 0.8, 0.0, 0, deviates, curve, out)
    assert np.unique(out).tolist() == [137], 'sRGB of 0.25 linear'
    point = np.zeros((41, 123), np.float32)
    point[20, 60] = 1.0
    blurred = point.copy()
    expose(blurred, np.empty_like(point), 0.8, 0.0, 0, deviates, curve, out)
    assert blurred.sum() == pytest.approx(1, abs=1e-5)
    offsets = np.arange(41) - 20
    assert (blurred.sum(1) * offsets**2).sum() == pytest.approx(0.64, rel=0.1)
    assert blurred[20, 61] == 0, 'channels do not mix'


def test_noise_has_the_asked_deviation():
    deviates, curve = sensor_tables()
    light = np.full((100, 300), 0.3, np.float32)
    out = np.empty((100, 300), np.uint8)
    expose(light, np.empty_like(light), 0.4, 0.02, 7, deviates, curve, out)
    slope = float(curve[int((0.3**0.5 + 0.02) * 2047)]) - float(curve[int(0.3**0.5 * 2047)])
    assert out.std() == pytest.approx(slope, rel=0.08)


def test_jpeg_keeps_shape_and_degrades_with_quality():
    image = np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    errors = [np.abs(jpeg(image, q).astype(int) - image).mean() for q in (95, 60, 20)]
    assert errors == sorted(errors)
