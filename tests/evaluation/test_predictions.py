"""The file of predictions: exact round trip, and one clear error each for what is no such file."""

import numpy as np
import pytest

from handkd.evaluation import HandPredictions


def make_predictions(*offset: float, protocol: str = 'rel-wrist_gt-scale_21j') -> HandPredictions:
    """Joints off by ``offset``, as many numbers as they have; the first has no label."""
    target = np.random.default_rng(0).normal(size=(3, 21, len(offset)))
    valid = np.ones((3, 21), bool)
    valid[0, 0] = False
    return HandPredictions(target + offset, target, valid, np.arange(3), protocol)


@pytest.fixture
def predictions():
    return make_predictions(0, 3, 4)


@pytest.mark.parametrize(
    ('predictions', 'unit'),
    [
        (make_predictions(0, 3, 4), 'mm'),
        (make_predictions(3, 4, protocol='px_tips-of-21j-visible'), 'px'),
    ],
)
def test_round_trip_and_errors(predictions, unit, tmp_path):
    predictions.save(tmp_path / 'new' / 'predictions.npz')
    back = HandPredictions.load(tmp_path / 'new' / 'predictions.npz')
    assert (back.protocol, back.unit) == (predictions.protocol, unit)
    for name in ('pred', 'target', 'valid', 'img_ids'):
        np.testing.assert_array_equal(getattr(back, name), getattr(predictions, name))
    assert np.isnan(back.errors[0, 0])
    assert np.nanmax(back.errors) == pytest.approx(5) == np.nanmin(back.errors)


def test_what_is_no_such_file_is_named(predictions, tmp_path):
    with pytest.raises(FileNotFoundError, match='gone.npz: no such file'):
        HandPredictions.load(tmp_path / 'gone.npz')
    truncated, other = tmp_path / 'truncated.npz', tmp_path / 'other.npz'
    predictions.save(truncated)
    truncated.write_bytes(truncated.read_bytes()[:200])
    np.savez(other, pred=np.zeros(3))
    empty = tmp_path / 'empty.npz'
    empty.touch()
    for path in (truncated, other, empty):
        with pytest.raises(ValueError, match=f'{path.name}: not a file of predictions'):
            HandPredictions.load(path)


def test_a_folder_that_can_not_be_made_is_named(predictions, tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(OSError, match='could not be written.*predictions'):
        predictions.save(tmp_path / 'file' / 'predictions.npz')


def test_joints_that_are_not_finite_are_named_with_the_file(tmp_path):
    joints = np.zeros((2, 21, 3))
    broken = joints.copy()
    broken[1, 4] = np.nan
    predictions = HandPredictions(broken, joints, np.ones((2, 21), bool), np.arange(2), 'rel-wrist_21j')
    predictions.save(tmp_path / 'a.npz')
    with pytest.raises(ValueError, match=r'a\.npz: pred is not finite at sample 1, joint 4'):
        HandPredictions.load(tmp_path / 'a.npz')
