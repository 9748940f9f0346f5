"""Skin covers the human range; the noise under it tiles."""

from __future__ import annotations

import numpy as np
import pytest

from handkd.studio.appearance import TONES, make_skin, noise_table


def test_skin_spans_light_to_dark_and_palms_are_lighter():
    assert (np.diff(TONES.sum(1)) < 0).all()
    uniform = np.full(16, 0.5)
    last = np.inf
    for melanin in (0.0, 0.3, 0.6, 0.99):
        uniform[0] = melanin
        skin = make_skin(uniform, 1.0)
        assert sum(skin.back) < last
        last = sum(skin.back)
        assert skin.back[0] < skin.back[1] < skin.back[2], 'skin is redder than green, greener than blue'
        assert sum(skin.palm) >= 0.95 * sum(skin.back)


def test_noise_table_is_normalised_and_tiles():
    table = noise_table()
    assert table.mean() == pytest.approx(0, abs=1e-5) and table.std() == pytest.approx(1, abs=1e-3)
    seam = np.abs(table[:, 0] - table[:, -1]).mean()
    assert seam < 1.5 * np.abs(np.diff(table, axis=1)).mean()
