"""Similarity alignment: recovers a known transform, never mirrors, and equals a numerical optimum."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.spatial.transform import Rotation

from handkd.geometry.alignment import align_similarity

RNG = np.random.default_rng(0)
HANDS = RNG.normal(size=(4, 21, 3)) * 40


def test_undoes_rotation_scale_and_shift():
    rotations = Rotation.random(4, random_state=1).as_matrix()
    moved = 2.5 * HANDS @ rotations + RNG.normal(size=(4, 1, 3)) * 500
    np.testing.assert_allclose(align_similarity(moved, HANDS), HANDS, atol=1e-9)


def test_is_the_least_squares_optimum_and_no_reflection():
    mirrored, target = HANDS[0] * (-1, 1, 1), HANDS[0] + RNG.normal(size=(21, 3))

    def cost(v):
        return ((np.exp(v[3]) * mirrored @ Rotation.from_rotvec(v[:3]).as_matrix() + v[4:] - target) ** 2).sum()

    starts = [np.r_[Rotation.random(random_state=i).as_rotvec(), np.zeros(4)] for i in range(12)]
    best = min(minimize(cost, start).fun for start in starts)
    aligned = ((align_similarity(mirrored, target) - target) ** 2).sum()
    assert aligned == pytest.approx(best, rel=1e-5)
    assert aligned > 1000


def test_flat_and_collapsed_sets_stay_finite():
    flat = HANDS[0] * (1, 1, 0)
    np.testing.assert_allclose(align_similarity(flat[:, [1, 0, 2]], flat), flat, atol=1e-9)
    collapsed = align_similarity(np.zeros((21, 3)), HANDS[0])
    np.testing.assert_allclose(collapsed, np.broadcast_to(HANDS[0].mean(0), (21, 3)))


def test_shapes_that_differ_are_refused():
    with pytest.raises(ValueError, match=r'found \(4, 21, 3\) and \(21, 3\)'):
        align_similarity(HANDS, HANDS[0])
