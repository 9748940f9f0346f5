"""Limits of joint angles: gathered from a set, kept in a file, refused where they make no sense."""

import json

import numpy as np
import pytest
import torch

from handkd.geometry import ANGLE_NAMES, VIOLATION_TOLERANCE, AngleLimits, angle_excess, joint_angles
from handkd.hand import FINGERS

RNG = np.random.default_rng(0)
ALL = np.ones((50, 5, 4), bool)


def some_limits(**source) -> AngleLimits:
    low = RNG.uniform(-1, 0, (5, 4))
    return AngleLimits(low, low + RNG.uniform(0, 1, (5, 4)), source)


def test_no_hand_of_a_set_is_out_of_its_limits_and_each_is_reached():
    joints, left = torch.from_numpy(RNG.normal(size=(50, 21, 3))), torch.from_numpy(RNG.random(50) < 0.5)
    values, defined = joint_angles(joints, left)
    limits = AngleLimits.of(values.numpy(), defined.numpy())
    low, high = torch.from_numpy(limits.low), torch.from_numpy(limits.high)
    assert angle_excess(values, defined, low, high).max() == 0
    narrower = angle_excess(values, defined, low + 2 * VIOLATION_TOLERANCE, high - 2 * VIOLATION_TOLERANCE)
    assert ((narrower > VIOLATION_TOLERANCE).sum(0) >= 2).all(), 'one hand at either end of each angle'


def test_percentiles_leave_out_the_outermost_values():
    values = np.tile(np.linspace(-1, 1, 101)[:, None, None], (1, 5, 4))
    RNG.shuffle(values)
    limits = AngleLimits.of(values, np.ones(values.shape, bool), percentile=5)
    np.testing.assert_allclose([limits.low, limits.high], [np.full((5, 4), -0.9), np.full((5, 4), 0.9)])


def test_values_that_do_not_exist_do_not_count():
    values, defined = RNG.uniform(-0.5, 0.5, (50, 5, 4)), ALL.copy()
    values[7, 2, 1], defined[7, 2, 1] = -0.9, False
    assert AngleLimits.of(values, defined).low[2, 1] == values[defined[:, 2, 1], 2, 1].min() > -0.9
    assert AngleLimits.of(values, ALL).low[2, 1] == -0.9
    defined[:, 4, 3] = False
    with pytest.raises(ValueError, match='little, theta3: none of 50 hands has this angle'):
        AngleLimits.of(values, defined)


@pytest.mark.parametrize('percentile', [-1, 50, float('nan')])
def test_a_wrong_percentile_is_an_error(percentile):
    with pytest.raises(ValueError, match='percentile must be from 0 to less than 50'):
        AngleLimits.of(RNG.uniform(-1, 1, (50, 5, 4)), ALL, percentile)


def test_a_file_holds_the_same_numbers_and_their_source(tmp_path):
    limits = some_limits(dataset='LMDataset', split='train', hands=3)
    path = tmp_path / 'new' / 'lm.json'
    limits.write(path)
    again = AngleLimits.read(path)
    assert np.array_equal(again.low, limits.low) and np.array_equal(again.high, limits.high)
    assert again.source == dict(dataset='LMDataset', split='train', hands=3)


def test_a_file_can_be_read_by_people_and_its_degrees_are_theirs_alone(tmp_path):
    low, high = np.full((5, 4), -0.5), np.full((5, 4), 0.5)
    high[0, 2] = 1.0
    path = tmp_path / 'lm.json'
    AngleLimits(low, high).write(path)
    content = json.loads(path.read_text())
    assert content['limits']['index']['theta1'] == dict(of='sin', low=-0.5, high=0.5, degrees=[-30.0, 30.0])
    assert content['limits']['thumb']['theta2'] == dict(of='cos', low=-0.5, high=1.0, degrees=[0.0, 120.0])
    assert '      "theta1": {"of": "sin", "low": -0.5, "high": 0.5, "degrees": [-30.0, 30.0]},\n' in path.read_text()
    content['limits']['index']['theta1']['degrees'] = [0, 0]
    for encoding in ('utf-8', 'utf-8-sig'):
        path.write_bytes(json.dumps(content).encode(encoding))
        assert np.array_equal(AngleLimits.read(path).low, low)


def edit(change):
    def apply(content):
        change(content['limits']['index'])
        return content

    return apply


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (lambda c: [], 'the file must be a table, found'),
        (lambda c: c | dict(limit=1), "the file: unknown key 'limit'; did you mean 'limits'"),
        (lambda c: {'limits': c['limits']}, "the file: 'source' is missing"),
        (lambda c: c | dict(source='lm'), "source must be a table, found 'lm'"),
        (edit(lambda f: f.pop('theta3')), "limits, index: 'theta3' is missing"),
        (edit(lambda f: f['theta3'].pop('low')), "limits, index, theta3: 'low' is missing"),
        (edit(lambda f: f['theta3'].update(hi=1)), "limits, index, theta3: unknown key 'hi'; did you mean 'high'"),
        (edit(lambda f: f['theta3'].update(low='-1')), "limits, index, theta3: low must be a number, found '-1'"),
        (edit(lambda f: f['theta3'].update(low=0.9, high=0.1)), 'index, theta3: low=0.9, high=0.1, but low must not'),
        (edit(lambda f: f['theta3'].update(low=float('nan'))), 'index, theta3: low=nan, .*both must be sines or cos'),
        (edit(lambda f: f['theta3'].update(high=90)), 'index, theta3: .*high=90, but both must be sines or cosines'),
    ],
)
def test_a_file_that_makes_no_sense_is_named(tmp_path, change, said):
    path = tmp_path / 'lm.json'
    some_limits().write(path)
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(ValueError, match=rf'lm\.json: {said}'):
        AngleLimits.read(path)


def test_a_file_that_is_missing_or_damaged_is_named(tmp_path):
    path = tmp_path / 'lm.json'
    with pytest.raises(FileNotFoundError, match=r'lm\.json: gather them with `handkd limits CONFIG --out .*lm'):
        AngleLimits.read(path)
    some_limits().write(path)
    path.write_text(path.read_text()[:300])
    with pytest.raises(ValueError, match=r'lm\.json: not valid JSON.*gather the limits again'):
        AngleLimits.read(path)


def test_arrays_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r'low: bounds of joint angles must have shape \(5, 4\), found \(4, 5\)'):
        AngleLimits(np.zeros((4, 5)), np.zeros((5, 4)))
    with pytest.raises(ValueError, match=r'must both be \(N, 5, 4\), found \(50, 20\)'):
        AngleLimits.of(np.zeros((50, 20)), ALL)


@pytest.fixture
def hands():
    """Bent hands of both sides, which are left ones, and limits a little wider than they need."""
    joints = np.zeros((6, 21, 3))
    for finger in range(5):
        base, spread = 1 + 4 * finger, (finger - 2) * 0.2
        for hand, bend in enumerate(np.linspace(0.1, 0.6, 6)):
            joints[hand, base] = 60 * np.sin(spread), -60 * np.cos(spread), 0.0
            for k in range(1, 4):
                angle = k * bend
                step = 25 * np.array([np.sin(spread) * np.cos(angle), -np.cos(spread) * np.cos(angle), np.sin(angle)])
                joints[hand, base + k] = joints[hand, base + k - 1] + step
    left = np.arange(6) % 2 == 0
    joints[left, :, 0] *= -1
    exact = AngleLimits.of(*(found.numpy() for found in joint_angles(*map(torch.from_numpy, (joints, left)))))
    return joints, left, AngleLimits((exact.low - 0.01).clip(-1), (exact.high + 0.01).clip(max=1))


def test_only_what_is_bent_too_far_is_a_violation(hands):
    joints, left, limits = hands
    assert set(left.tolist()) == {False, True}
    assert not limits.violated(joints, left).any()
    joints = joints.copy()
    joints[2, 8] = joints[2, 6]
    found = [(hand, FINGERS[f], ANGLE_NAMES[a]) for hand, f, a in np.argwhere(limits.violated(joints, left))]
    assert found == [(2, 'index', 'theta3')]
    np.testing.assert_array_equal(  # of other size, elsewhere, mirrored
        limits.violated((joints * 0.01 + 3) * (-1, 1, 1), ~left), limits.violated(joints, left)
    )


def test_a_hand_on_the_other_side_is_another_hand(hands):
    joints, left, limits = hands
    assert limits.violated(joints, ~left)[..., 1].any()  # rises from the palm turn into falls
    assert not limits.violated(joints, ~left)[..., 2:].any()


def test_collapsed_hands_violate_nothing(hands):
    limits = hands[-1]
    assert not limits.violated(np.zeros((2, 21, 3), np.float32), np.array([True, False])).any()
