"""Files of predictions and truth that do not go together are refused, by place and remedy."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from handkd.evaluation import JointFile, check_pair, check_unit
from handkd.hand import BONES

SPREAD = np.zeros((3, 21, 3))
for parent, child in BONES:  # straight fingers, 30 mm a bone, one beside the other
    SPREAD[:, child] = SPREAD[:, parent] + (0, -30, 0) if parent else ((child - 9) * 5, -80, 0)
TRUTH = JointFile(Path('truth.npz'), SPREAD + (0, 0, 600))
PRED = JointFile(Path('pred.npy'), TRUTH.joints + (3.0, 0, 4))


def test_what_goes_together_passes():
    check_pair(PRED, TRUTH)
    check_unit(PRED, TRUTH)


@pytest.mark.parametrize(
    ('pred', 'truth', 'said'),
    [
        (replace(PRED, joints=PRED.joints[:2]), TRUTH, 'pred.npy has 2 frames, but the ground truth truth.npz has 3'),
        (replace(PRED, joints=PRED.joints[:, :20]), TRUTH, 'pred.npy has 20 joints per frame, .* has 21'),
        (replace(PRED, frames=('a', 'c', 'b')), replace(TRUTH, frames=('a', 'b', 'c')), "row 2 is of 'c', .* of 'b'"),
        (PRED, replace(TRUTH, joints=TRUTH.joints / 1000), 'it is in m: give --gt-unit m'),
        (PRED, replace(TRUTH, joints=TRUTH.joints / 1000, protocol='rhd'), 'must give mm: multiply by 1000'),
        (PRED, replace(TRUTH, joints=TRUTH.joints * 1e-6), 'expected 30 to 1000; convert it to mm'),
    ],
)
def test_pairs_that_do_not(pred, truth, said):
    with pytest.raises(ValueError, match=said):
        check_pair(pred, truth)


@pytest.mark.parametrize('file', ['pred', 'truth'])
def test_a_labelled_joint_must_be_finite(file):
    files = dict(pred=PRED, truth=TRUTH)
    joints = files[file].joints.copy()
    joints[1, 4, 2] = np.nan
    files[file] = replace(files[file], joints=joints)
    with pytest.raises(
        ValueError, match=r'frame 1, joint 4 \(from 0\) is .* not finite or beyond 1e.06 mm \(1 joints in 1 frames\)'
    ):
        check_pair(**files)
    labelled = np.ones((3, 21), bool)
    labelled[1, 4] = False
    check_pair(files['pred'], replace(files['truth'], labelled=labelled))


@pytest.mark.parametrize(('unit', 'scale'), [('m', 1000), ('cm', 10)])
def test_predictions_in_another_unit(unit, scale):
    small = replace(PRED, joints=PRED.joints / scale)
    with pytest.raises(ValueError, match=rf'so it is in {unit}, not in mm: give --unit {unit}'):
        check_unit(small, TRUTH)
    with pytest.raises(ValueError, match=rf'must give mm: multiply by {scale} there'):
        check_unit(replace(small, protocol='rhd'), TRUTH)


def test_a_network_that_predicts_small_hands_is_not_blamed_on_its_unit():
    middle = TRUTH.joints.mean(1, keepdims=True)
    noise = np.random.default_rng(0).normal(0, 1, SPREAD.shape)
    check_unit(replace(PRED, joints=middle + (TRUTH.joints - middle) / 4), TRUTH)  # right shape, no unit fits
    check_unit(replace(PRED, joints=middle + noise), TRUTH)  # a thousandth in size, but not a hand
    check_unit(replace(PRED, joints=np.zeros_like(SPREAD)), TRUTH)
