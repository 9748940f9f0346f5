"""A camera looks at what it is told to look at."""

from __future__ import annotations

import numpy as np

from handkd.studio.layouts.rig import look_at


def test_the_camera_stands_at_eye_and_sees_the_target_upright():
    eye, target = np.array([300.0, 500.0, -200.0]), np.array([10.0, 200.0, 30.0])
    rotation, translation = look_at(eye, target, (0, -1, 0))
    assert np.allclose(rotation @ rotation.T, np.eye(3)) and np.isclose(np.linalg.det(rotation), 1)
    assert np.allclose(rotation @ eye + translation, 0)
    assert np.allclose(rotation @ target + translation, (0, 0, np.linalg.norm(target - eye)))
    below = rotation @ (target + (0, -10, 0)) + translation
    assert np.isclose(below[0], 0) and below[1] > 0  # y points down in a camera's frame
