"""Whole colour images."""

from __future__ import annotations

import numpy as np

from handkd.studio import StudioDataset


def test_the_hand_casts_a_shadow_on_a_near_wall():
    """With plain walls, some pixels outside the hand are clearly darker than the rest in most images."""
    settings = {'plain': 1.0, 'noise': (0, 0), 'jpeg': 0.0, 'sleeve': 0.0, 'front': 0.0}
    dataset = StudioDataset('train', 40, randomisation=settings)
    shadowed = 0
    for k in range(40):
        sample = dataset[k]
        outside = sample['img'][sample['depth'] == 0].astype(float).mean(1)
        shadowed += np.percentile(outside, 3) < 0.85 * np.median(outside)
    assert 8 <= shadowed <= 36


def test_images_are_exposed_and_varied():
    dataset = StudioDataset('train', 60, resolution=32)
    means = np.array([dataset[k]['img'].mean() for k in range(60)])
    assert means.min() > 15 and means.max() < 245 and means.std() > 15
