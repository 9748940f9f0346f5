"""Points in front of a camera."""

import numpy as np
import pytest


@pytest.fixture
def points():
    """Four hands of 21 points, mm, camera frame."""
    rng = np.random.default_rng(0)
    return np.concatenate([rng.uniform(-150, 150, (4, 21, 2)), rng.uniform(400, 800, (4, 21, 1))], -1)
