"""Metrics against closed forms and published constants."""

import numpy as np
import pytest

from handkd.evaluation import (
    AUC_PRESETS,
    AucRule,
    auc,
    curve_area,
    epe,
    frames_within,
    joint_errors,
    mpjpe,
    n_mpjpe,
    pa_mpjpe,
    pck,
    violation_frequency,
)

RNG = np.random.default_rng(0)
HANDS = RNG.normal(size=(6, 21, 3)) * 40


@pytest.mark.parametrize(
    ('rule', 'expected'),
    [
        (AucRule(0, 50, 20), 0.5),
        (AucRule(0, 50, 101), 0.505),
        (AucRule(20, 50, 31), 0.85),
        (AucRule(20, 50, 20), 0.8158),
        (AucRule(0, 50, 20, 'zb_legacy'), 9.5 / 11),  # thresholds k * 50 / 19, k = 8..19: right from k = 10 on
        (AucRule(0, 50, 20, 'left'), 0.45),  # thresholds 0, 2.5, ..., 47.5: 25 < 27.5, the 12th of 20
    ],
)
def test_auc_of_a_constant_error_of_25_mm(rule, expected):
    errors = np.full((5, 21), 25.0)
    assert auc(errors, rule) == pytest.approx(expected, abs=5e-5)
    assert auc(errors, rule, per_joint=False) == pytest.approx(expected, abs=5e-5)


def test_auc_names_and_thresholds():
    assert AucRule(20, 50, 100).name == 'AUC_20-50_trapz100'
    legacy = AucRule(0, 50, 20, 'zb_legacy')
    assert legacy.name == 'AUC_0-50_zb_legacy20'
    assert len(legacy.thresholds) == 12 and legacy.thresholds[0] == pytest.approx(21.05, abs=5e-3)


@pytest.mark.parametrize('args', [(20, 20, 9), (50, 20, 9), (20, 50, 1), (20, 50, 5, 'zb_legacy'), (20, 50, 9, 'sum')])
def test_auc_rules_that_make_no_sense_are_refused(args):
    with pytest.raises(ValueError, match='AUC'):
        AucRule(*args)


@pytest.mark.parametrize(
    ('counts', 'area'),
    [
        ((98, 164, 205, 230, 246, 263, 272), 0.7089),
        ((158, 196, 218, 235, 246, 258, 264), 0.7478),
        ((172, 218, 250, 268, 278, 285, 292), 0.8394),
    ],
    ids=('PSO', 'ICPPSO', 'CHPR'),
)
def test_area_of_the_published_stb_curves(counts, area):
    """The curves of Zhang et al. (2016) at 20, 25, ..., 50 mm, in 304ths."""
    assert curve_area(np.arange(20, 51, 5), np.array(counts) / 304) == pytest.approx(area, abs=5e-5)


def test_pck_counts_by_hand():
    errors = np.array([[1.0, 2.0], [3.0, np.nan], [2.0, np.nan]])
    np.testing.assert_allclose(pck(errors, [0.5, 2, 3]), [0, (2 / 3 + 1) / 2, 1])
    np.testing.assert_allclose(pck(errors, [0.5, 2, 3], per_joint=False), [0, 3 / 4, 1])
    np.testing.assert_allclose(pck(errors, [2], strict=True), [(1 / 3 + 0) / 2])


def test_epe_zb_form_is_a_mean_of_medians():
    errors = np.array([[0.0, 10.0, np.nan], [1.0, 20.0, np.nan], [5.0, np.nan, np.nan]])
    assert epe(errors) == ((2 + 15) / 2, (1 + 15) / 2)
    assert epe(errors, per_joint=False) == (36 / 5, 5.0)


def test_joint_errors_mask_and_refuse_what_is_not_finite():
    pred, valid = HANDS.copy(), np.ones((6, 21), bool)
    pred[4, 7] = np.nan
    with pytest.raises(ValueError, match=r'pred is not finite at sample 4, joint 7 \(1 joints in 1 samples'):
        joint_errors(pred, HANDS)
    valid[4, 7] = False
    errors = joint_errors(pred + (3, 4, 0), HANDS, valid)
    assert np.isnan(errors[4, 7])
    assert epe(errors) == pytest.approx((5, 5))
    with pytest.raises(ValueError, match='nothing to evaluate'):
        joint_errors(HANDS[:0], HANDS[:0])
    with pytest.raises(ValueError, match='nothing to evaluate'):
        joint_errors(HANDS, HANDS, np.zeros((6, 21)))
    with pytest.raises(ValueError, match=r'must both be \(N, K, D\)'):
        joint_errors(HANDS, HANDS[:5])


def test_mpjpe_ignores_position_n_mpjpe_also_scale_pa_also_rotation():
    shifted = HANDS + RNG.normal(size=(6, 1, 3)) * 100
    turned = 1.7 * shifted[..., [1, 2, 0]]
    assert mpjpe(shifted, HANDS) == pytest.approx(0, abs=1e-9)
    assert mpjpe(2.5 * HANDS, HANDS) > 1
    assert n_mpjpe(2.5 * shifted, HANDS) == pytest.approx(0, abs=1e-9)
    assert n_mpjpe(turned, HANDS) > 1
    assert pa_mpjpe(turned, HANDS) == pytest.approx(0, abs=1e-9)
    assert pa_mpjpe(HANDS * (-1, 1, 1), HANDS) > 1


def test_n_mpjpe_factor_is_the_best_one_and_a_collapsed_hand_is_finite():
    noisy = HANDS + RNG.normal(size=HANDS.shape) * 10
    rel, target = noisy - noisy[:, :1], HANDS - HANDS[:, :1]
    factors = np.linspace(0.5, 1.5, 10001)
    squares = ((factors[:, None, None, None] * rel[:1] - target[:1]) ** 2).sum((1, 2, 3))
    best = factors[squares.argmin()]
    assert n_mpjpe(noisy[:1], HANDS[:1]) == pytest.approx(joint_errors(best * rel[:1], target[:1]).mean(), abs=0.01)
    assert n_mpjpe(np.zeros((1, 21, 3)), HANDS[:1]) == pytest.approx(np.linalg.norm(target[0], axis=-1).mean())


def test_frames_within_takes_the_worst_joint():
    errors = np.array([[1.0, 9.0], [2.0, np.nan], [3.0, 3.0], [np.nan, np.nan]])
    np.testing.assert_allclose(frames_within(errors, [1, 2, 3, 9]), [0, 1 / 3, 2 / 3, 1])


def test_violations_are_counted_by_sample_and_by_angle():
    violated = np.array([[0, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 0]], bool)
    frequency, rate, per_angle = violation_frequency(violated)
    assert (frequency, rate) == (2 / 4, 3 / 12)
    np.testing.assert_array_equal(per_angle, [0.25, 0.5, 0])
    assert violation_frequency(np.zeros((3, 20), bool)).frequency == 0
    for wrong in (violated[0], violated.astype(float), violated[:0]):
        with pytest.raises(ValueError, match=r'must be \(N, A\), bool, not empty'):
            violation_frequency(wrong)


def test_presets_of_the_area():
    assert AUC_PRESETS['20-50'].name == 'AUC_20-50_trapz100'
    assert AUC_PRESETS['zb_legacy'].thresholds[0] == pytest.approx(400 / 19)
    np.testing.assert_allclose(AUC_PRESETS['0-50'].thresholds, np.linspace(0, 50, 20))
