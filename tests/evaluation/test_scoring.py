"""Scores: by hand on few joints, and the whole published table of the NYU benchmark where its files are."""

from pathlib import Path

import numpy as np
import pytest

from handkd.evaluation import CAMERAS, PROTOCOLS, AucRule, Protocol, pa_mpjpe, read_joints, score

NYU = Path(__file__).parents[3] / 'shared' / 'samples' / 'nyu_predictions'


def hands(errors: list[list[float]]) -> tuple[np.ndarray, np.ndarray]:
    """Predictions and truth of hands whose joints are off by these distances."""
    target = np.random.default_rng(0).normal(size=(*np.shape(errors), 3)) * 40
    return target + np.array(errors)[..., None] * (0, 0.6, 0.8), target


def test_numbers_by_hand():
    pred, target = hands([[10, 20, 30], [0, 20, 70]])
    protocol = Protocol('absolute', joints=None, auc=(AucRule(0, 100, 2),))
    joint_wise = score(pred, target, protocol)
    assert joint_wise.protocol.name == 'abs_3j'
    expected = dict(EPE_mean=25, EPE_median=25, within_20=0, within_40=0.5, PCK_20=(1 + 1 + 0) / 3)
    expected['AUC_0-100_trapz2'] = (0.5 / 3 + 1) / 2
    assert joint_wise.numbers == pytest.approx(expected)
    assert joint_wise.per_joint == pytest.approx({'0': 5, '1': 20, '2': 50})
    assert joint_wise.pck_curve[[0, 20, 80]] == pytest.approx([0.5 / 3, 2 / 3, 1])
    assert joint_wise.within_curve[[29, 30, 69, 70]].tolist() == [0, 0.5, 0.5, 1]
    pooled = score(pred, target, Protocol('absolute', joints=None, per_joint=False))
    assert pooled.numbers['EPE_median'] == pytest.approx(20)


def test_unlabelled_uncounted_and_hidden_joints_do_not_count():
    pred, target = hands([[1, 2, 3, 500], [1, 2, 500, 500]])
    labelled = np.array([[1, 1, 1, 1], [1, 1, 0, 1]], bool)
    pred[1, 2] = np.nan
    protocol = Protocol('absolute', joints=('a', 'b', 'c', 'd'), counted=('a', 'b', 'c'), per_joint=False)
    result = score(pred, target, protocol, labelled)
    assert result.protocol.name == 'abs_a+b+c-of-4j_pooled'
    assert result.numbers['EPE_mean'] == pytest.approx((1 + 2 + 3 + 1 + 2) / 5)
    assert result.per_joint['d'] is None
    visible = np.array([[1, 0, 0, 1], [0, 0, 1, 1]], bool)
    seen = Protocol('absolute', joints=('a', 'b', 'c', 'd'), counted=('a', 'b', 'c'), visible_only=True)
    assert score(pred, target, seen, labelled, visible).numbers['EPE_mean'] == pytest.approx(1)
    with pytest.raises(ValueError, match='the ground truth needs an array `visible`'):
        score(pred, target, seen, labelled)


def test_fingertips_alone_are_scored():
    pred, target = hands([[5.0] * 21] * 3)
    labelled = np.zeros((3, 21), bool)
    labelled[:, [4, 8, 12, 16, 20]] = True
    target[~labelled] = 0
    result = score(pred, target, PROTOCOLS['absolute'], labelled)
    assert result.numbers['EPE_mean'] == pytest.approx(5)
    shape = score(pred, target, PROTOCOLS['pa'], labelled)
    assert shape.numbers['EPE_mean'] == pytest.approx(0, abs=1e-9)  # they are all off by one shift
    labelled[1, 4:20] = False
    assert score(pred, target, PROTOCOLS['absolute'], labelled).numbers['EPE_mean'] == pytest.approx(5)
    with pytest.raises(ValueError, match='sample 1: PA needs 3 labelled joints or more, found 1'):
        score(pred, target, PROTOCOLS['pa'], labelled)
    with pytest.raises(ValueError, match='needs a label of wrist.*abs_21j or pa_21j'):
        score(pred, target, PROTOCOLS['root'], labelled)


def test_palm_rooted_and_other_columns_are_the_named_alignments():
    pred, target = hands([[5.0] * 16] * 2)
    pred[:, 7] += (0, 0, 32)
    numbers = score(pred, target, PROTOCOLS['icvl']).numbers
    assert numbers['EPE_mean'] == pytest.approx((15 * 5 + np.hypot(3, 36)) / 16)
    assert numbers['EPE_mean_root'] == pytest.approx(32 / 16)
    assert numbers['EPE_mean_pa'] == pytest.approx(pa_mpjpe(pred, target))
    again = score(pred, target, PROTOCOLS['icvl'], aligned=True).numbers
    assert again['EPE_mean'] == numbers['EPE_mean']


def test_known_scale_takes_normalised_joints_and_refuses_millimetres():
    pred, target = hands([[5.0] * 21] * 3)
    protocol = Protocol('root+scale', 'wrist')
    length = np.linalg.norm(target[:, 9] - target[:, 0], axis=-1)[:, None, None]
    normalised = (pred - target[:, [0]]) / length
    assert score(normalised, target, protocol).numbers['EPE_mean'] == pytest.approx(5)
    assert score(pred, target, protocol, aligned=True).numbers['EPE_mean'] == pytest.approx(5)
    with pytest.raises(ValueError, match='takes normalised joints.* use rel-wrist_bone-scale_21j'):
        score(pred, target, protocol)


def test_shapes_that_do_not_fit_are_refused():
    pred, target = hands([[1, 2, 3]])
    with pytest.raises(ValueError, match=r'must both be \(N, K, 3\), found \(1, 2, 3\) and \(1, 3, 3\)'):
        score(pred[:, :2], target, PROTOCOLS['absolute'])
    with pytest.raises(ValueError, match='is for 14 joints, found 3'):
        score(pred, target, PROTOCOLS['nyu'])


TABLE = {
    'deepprior_uvd.txt': (
        [20.750, 14.854, 20.516, 14.563, 0.1627, 0.4924, 0.6334, 0.8168, 0.6149, 12.067, 24.395],
        [
            30.017,
            20.174,
            26.157,
            15.965,
            26.129,
            16.109,
            29.876,
            17.981,
            27.956,
            23.673,
            17.924,
            13.531,
            13.878,
            11.129,
        ],
    ),
    'deepprior_pp_uvd.txt': (
        [12.238, 9.031, 12.686, 8.973, 0.4472, 0.8353, 0.8582, 0.9457, 0.7616, 6.930, 14.467],
        [15.955, 11.160, 15.123, 9.529, 15.995, 9.949, 18.790, 11.786, 14.465, 11.536, 9.827, 9.287, 9.599, 8.335],
    ),
}
"""Mean, median, palm-rooted, PA (mm), frames within 20 and 40 mm, PCK at 20, AUC 20-50 and 0-50, mean of both subjects;
and the mean of each joint: to the decimals that are printed."""


@pytest.mark.skipif(not NYU.is_dir(), reason='needs the NYU prediction files')
@pytest.mark.parametrize('name', TABLE)
def test_nyu_table(name):
    pred, truth = (read_joints(NYU / file, camera=CAMERAS['nyu']).joints for file in (name, 'groundtruth_uvd.txt'))
    result = score(pred, truth, PROTOCOLS['nyu'])
    numbers, joints = TABLE[name]
    assert result.errors.shape == (8252, 14)
    digits = [3 if key.startswith('EPE') else 4 for key in result.numbers]
    assert [round(value, n) for value, n in zip(result.numbers.values(), digits)] == numbers
    assert [round(value, 3) for value in result.per_joint.values()] == joints
