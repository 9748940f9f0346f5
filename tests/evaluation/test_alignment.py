"""Alignments against their closed forms, on hands that were moved by known transforms."""

import numpy as np
import pytest

from handkd.evaluation import align_best_scale, align_bone, align_known_scale, align_procrustes, align_root

RNG = np.random.default_rng(0)
TARGET = RNG.normal(size=(5, 21, 3)) * 40 + (10, 20, 500)
NOISY = TARGET + RNG.normal(size=TARGET.shape) * 10


def test_root_takes_away_the_place_alone():
    np.testing.assert_allclose(align_root(TARGET + (3, -50, 8), TARGET, 9), TARGET)
    moved = align_root(NOISY, TARGET, 9)
    np.testing.assert_allclose(moved - NOISY, np.broadcast_to((TARGET - NOISY)[:, [9]], TARGET.shape))


def test_a_root_of_two_joints_is_their_midpoint():
    moved = align_root(NOISY, TARGET, (0, 9))
    np.testing.assert_allclose(moved[:, 0] + moved[:, 9], TARGET[:, 0] + TARGET[:, 9])
    assert np.abs(moved[:, 0] - TARGET[:, 0]).max() > 1


def test_known_scale_is_the_bones_and_leaves_the_predicted_root_where_it_is():
    length = np.linalg.norm(TARGET[:, 9] - TARGET[:, 0], axis=-1)[:, None, None]
    normalised = (TARGET - TARGET[:, [9]]) / length
    np.testing.assert_allclose(align_known_scale(normalised, TARGET, 9, (0, 9)), TARGET)
    off = align_known_scale(normalised + (0.1, 0, 0), TARGET, 9, (0, 9))
    np.testing.assert_allclose(off - TARGET, np.broadcast_to(length * (0.1, 0, 0), TARGET.shape), atol=1e-9)


def test_bone_takes_away_place_and_size():
    np.testing.assert_allclose(align_bone(0.3 * TARGET - 7, TARGET, 9, (0, 9)), TARGET)
    fitted = align_bone(NOISY, TARGET, 0, (5, 6))
    np.testing.assert_allclose(
        np.linalg.norm(fitted[:, 6] - fitted[:, 5], axis=-1), np.linalg.norm(TARGET[:, 6] - TARGET[:, 5], axis=-1)
    )
    flat = NOISY.copy()
    flat[3, 5] = flat[3, 6]
    with pytest.raises(ValueError, match='sample 3: the length of the predicted scale bone must be .*, found 0'):
        align_bone(flat, TARGET, 0, (5, 6))
    with pytest.raises(ValueError, match='sample 3: the length of the true scale bone must be .*, found 0'):
        align_known_scale(NOISY, flat, 0, (5, 6))


def test_best_scale_is_the_least_squares_one_of_the_labelled_joints():
    valid = RNG.random((5, 21)) > 0.3
    valid[:, 0] = True
    fitted = align_best_scale(NOISY, TARGET, 0, valid)
    for pred, target, seen, result in zip(NOISY, TARGET, valid, fitted):
        p, t = (pred - pred[0])[seen].ravel(), (target - target[0])[seen].ravel()
        factor = np.linalg.lstsq(p[:, None], t, rcond=None)[0][0]
        np.testing.assert_allclose(result, factor * (pred - pred[0]) + target[0])
    garbage = np.where(valid[..., None], NOISY, np.nan)
    np.testing.assert_allclose(align_best_scale(garbage, TARGET, 0, valid)[valid], fitted[valid])


def test_procrustes_of_the_labelled_joints_ignores_the_others():
    angle = 0.7
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    valid = np.ones((5, 21), bool)
    valid[1, 4], valid[3, 7:15] = False, False
    pred = np.where(valid[..., None], 1.7 * TARGET @ turn + 30, 1e6)
    aligned = align_procrustes(pred, TARGET, valid)
    np.testing.assert_allclose(aligned[valid], TARGET[valid])
    assert np.isnan(aligned[~valid]).all()
    assert np.abs(align_procrustes(TARGET * (-1, 1, 1), TARGET) - TARGET).max() > 1
    with pytest.raises(ValueError, match='sample 0: PA needs 3 labelled joints or more, found 2'):
        align_procrustes(pred[:, :2], TARGET[:, :2])
    valid[2, 2:] = False
    with pytest.raises(ValueError, match=r'sample 2: PA needs 3 labelled joints or more, found 2 \(1 such'):
        align_procrustes(pred, TARGET, valid)
