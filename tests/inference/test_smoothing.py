"""The 1€ filter against the paper's own listing, and in closed form."""

import math

import numpy as np
import pytest

from handkd.inference.smoothing import OneEuroFilter, OneEuroRule, TrackSmoother

RNG = np.random.default_rng(0)


def listing(samples, times, min_cutoff, beta, derivative_cutoff):
    """Algorithms 1 to 3 of the paper for one coordinate, one sample after the other."""

    def alpha(rate, cutoff):
        tau = 1 / (2 * math.pi * cutoff)
        te = 1 / rate
        return 1 / (1 + tau / te)

    out, hat, dhat = [], None, None
    for i, x in enumerate(samples):
        rate = None if i == 0 else 1 / (times[i] - times[i - 1])
        dx = 0.0 if i == 0 else (x - hat) * rate
        dhat = dx if i == 0 else alpha(rate, derivative_cutoff) * dx + (1 - alpha(rate, derivative_cutoff)) * dhat
        cutoff = min_cutoff + beta * abs(dhat)
        hat = x if i == 0 else alpha(rate, cutoff) * x + (1 - alpha(rate, cutoff)) * hat
        out.append(hat)
    return out


def run(samples, times, rule=None, scale=1.0):
    smooth = OneEuroFilter(rule)
    return np.array([smooth(sample, time, scale) for sample, time in zip(samples, times, strict=True)])


def test_one_coordinate_is_the_papers_listing():
    times = np.cumsum(RNG.uniform(0.01, 0.08, 60))
    samples = np.cumsum(RNG.normal(size=(60, 3, 1)), axis=0)
    rule = OneEuroRule(min_cutoff=0.7, beta=0.3, derivative_cutoff=1.4)
    expected = np.stack([listing(samples[:, j, 0], times, 0.7, 0.3, 1.4) for j in range(3)], 1)
    np.testing.assert_allclose(run(samples, times, rule)[..., 0], expected, rtol=1e-12)


def test_all_coordinates_of_a_joint_share_its_speed():
    """A motion along a diagonal is filtered as the same motion along an axis."""
    path = np.cumsum(RNG.normal(size=40))
    times = np.arange(40) / 30
    straight, turned = np.zeros((40, 1, 2)), np.zeros((40, 1, 2))
    straight[:, 0, 0], turned[:, 0] = path, path[:, None] * (0.6, 0.8)
    smooth = run(straight, times)[:, 0, 0]
    np.testing.assert_allclose(run(turned, times)[:, 0], smooth[:, None] * (0.6, 0.8), atol=1e-12)


def test_a_constant_stays_and_noise_gets_small():
    times = np.arange(600) / 30
    rest = np.broadcast_to(RNG.normal(size=(21, 2)), (600, 21, 2))
    np.testing.assert_array_equal(run(rest, times), rest)
    noise = RNG.normal(size=(600, 21, 2))
    alpha = 1 / (1 + 30 / (2 * np.pi * 1.5))
    smooth = run(noise, times, OneEuroRule(beta=0.0))[100:]
    assert smooth.var() == pytest.approx(alpha / (2 - alpha), rel=0.15)  # of a first-order filter, in closed form
    assert run(0.01 * noise, times).var() < 0.25 * (0.01 * noise).var()  # with the defaults, 1 % of the hand


def test_a_step_is_reached_and_a_steady_motion_has_a_known_lag():
    times = np.arange(90) / 30
    step = np.ones((90, 1, 2))
    step[:10] = 0
    smooth = run(step, times)[:, 0, 0]
    assert (smooth[:10] == 0).all() and (np.diff(smooth) >= 0).all() and smooth.max() <= 1
    assert smooth[16] > 0.9 and smooth[-1] == pytest.approx(1, abs=1e-3)
    speed, rule = 3.0, OneEuroRule(min_cutoff=1.0, beta=2.0)
    times = np.arange(600) / 30
    line = np.zeros((600, 1, 1))
    line[:, 0, 0] = speed * times
    lag = (line - run(line, times, rule))[-1, 0, 0]
    # In the steady state the derivative (x - x̂ before) / T is v + lag / T, and lag = (1 - α) v T / α = v / (2π f).
    cutoff = 1.0 + 2.0 * (speed + 30 * lag)
    assert lag == pytest.approx(speed / (2 * np.pi * cutoff), rel=1e-6)


def test_speeds_are_relative_to_the_hand():
    times = np.arange(40) / 30
    path = np.cumsum(RNG.normal(size=(40, 21, 3)), 0)
    np.testing.assert_allclose(run(200 * path, times, scale=200.0), 200 * run(path, times), rtol=1e-9)


def test_unknown_joints_keep_their_state_and_long_gaps_start_anew():
    samples = RNG.normal(size=(3, 2, 2))
    samples[1, 0] = np.nan
    times = np.array([0.0, 0.1, 0.2])
    smooth = run(samples, times)
    assert np.isnan(smooth[1, 0]).all() and np.isfinite(smooth[1, 1]).all()
    np.testing.assert_allclose(smooth[2, 0], run(samples[[0, 2], :1], times[[0, 2]])[1, 0])
    late = OneEuroFilter()
    late(samples[0], 0.0)
    np.testing.assert_array_equal(late(samples[2], 0.6), samples[2])


def test_tracks_and_kinds_are_filtered_apart():
    smoother, first, second = TrackSmoother(), np.zeros((21, 2)), np.ones((21, 2))
    for track, kind in [(0, 'keypoints'), (1, 'keypoints'), (0, 'keypoints_3d')]:
        np.testing.assert_array_equal(smoother(track, kind, first + track, 0.0), first + track)
    assert 0 < smoother(0, 'keypoints', second, 0.1).max() < 1
    np.testing.assert_array_equal(smoother(1, 'keypoints', second, 0.1), second)
    np.testing.assert_array_equal(smoother(0, 'keypoints', first, 5.0), first)
    assert len(smoother._filters) == 1


@pytest.mark.parametrize(
    ('values', 'time', 'scale', 'said'),
    [
        (np.zeros((2, 2)), 1.0, 1.0, 'time must increase, found 1.0 s after 1.0 s'),
        (np.zeros((2, 2)), math.nan, 1.0, 'time must be finite'),
        (np.zeros((2, 2)), 2.0, 0.0, 'scale positive, found 2.0 and 0.0'),
        (np.zeros((3, 2)), 2.0, 1.0, r'must keep their shape \(2, 2\), found \(3, 2\)'),
    ],
)
def test_senseless_samples_are_refused(values, time, scale, said):
    smooth = OneEuroFilter()
    smooth(np.zeros((2, 2)), 1.0)
    with pytest.raises(ValueError, match=said):
        smooth(values, time, scale)


@pytest.mark.parametrize('rule', [{'min_cutoff': 0}, {'beta': -1}, {'max_gap': math.nan}])
def test_senseless_rules_are_refused(rule):
    with pytest.raises(ValueError, match=f'smoothing: {next(iter(rule))} must be'):
        OneEuroRule(**rule)
