"""The mean pose is the mean over the training set's labels, measured by the metrics of the test set."""

import numpy as np
import pytest
from mmengine.structures import InstanceData

from handkd.apis.mean_pose import _predict, log_mean_pose, mean_pose_metrics
from handkd.apis.result_logs import read_log
from handkd.evaluation import HandKeypointMetric
from handkd.hints import ConfigError

from .conftest import TinyHands


def labels(count=3):
    rng = np.random.default_rng(0)
    hands = []
    for _ in range(count):
        valid = np.ones((1, 21))
        hands.append(InstanceData(keypoints_cam=rng.normal(size=(1, 21, 3)) * 60, keypoints_valid=valid))
    return hands


def test_the_mean_counts_labelled_joints_only():
    hands = labels()
    hands[0].keypoints_valid[0, 5] = 0
    hands[0].keypoints_cam[0, 5] = 1e6
    (mean,) = _predict(HandKeypointMetric(root='wrist', scale='pred'), hands)['keypoints_cam']
    assert np.allclose(mean[5], (hands[1].keypoints_cam[0, 5] + hands[2].keypoints_cam[0, 5]) / 2)
    assert np.allclose(mean[4], sum(hand.keypoints_cam[0, 4] for hand in hands) / 3)
    for hand in hands:
        hand.keypoints_valid[0, 5] = 0
    with pytest.raises(ConfigError, match='joint 5 has no label in the training set'):
        _predict(HandKeypointMetric(root='wrist', scale='pred'), hands)


def test_normalised_joints_are_relative_to_the_root_in_units_of_the_bone():
    hands = labels()
    found = _predict(HandKeypointMetric(root='middle_mcp', scale='gt'), hands)['keypoints_xyz']
    one = [
        (h.keypoints_cam[0] - h.keypoints_cam[0, 9]) / np.linalg.norm(h.keypoints_cam[0, 9] - h.keypoints_cam[0, 0])
        for h in hands
    ]
    assert np.allclose(found[0], np.mean(one, axis=0))


def test_an_evaluation_by_hand(tiny_cfg):
    cfg = tiny_cfg()
    cfg.test_evaluator = dict(type='HandKeypointMetric', root=None, scale='pred')
    numbers = mean_pose_metrics(cfg)
    truth = [item['data_samples'].gt_instances.keypoints_cam[0] for item in TinyHands().__getitems__(range(10))]
    errors = np.linalg.norm(np.mean(truth, axis=0, dtype=np.float64) - truth, axis=-1)
    assert numbers['abs_21j/EPE_mean'] == pytest.approx(errors.mean(), rel=1e-5)


def test_metrics_that_take_no_constant_pose_are_left_out(tiny_cfg):
    cfg = tiny_cfg()
    depth = dict(type='HandKeypointMetric', root=None, scale='gt')
    cfg.test_evaluator = [dict(type='HandKeypointMetric'), depth]
    assert {name.partition('/')[0] for name in mean_pose_metrics(cfg)} == {'rel-middle_mcp_gt-scale_21j'}
    cfg.test_evaluator = depth
    with pytest.raises(ConfigError, match=r'\(HandKeypointMetric\) takes no constant pose'):
        mean_pose_metrics(cfg)
    cfg.test_evaluator = dict(type='HandPixelMetric')
    with pytest.raises(ConfigError, match="no image of the training set has 'keypoints'"):
        mean_pose_metrics(cfg)


def test_the_logs_have_one_hash_and_each_its_seed(stages_config, tmp_path):
    first, second = map(read_log, log_mean_pose(str(stages_config), [0, 1], tmp_path / 'demo', num=5))
    assert (first.row, first.role, first.images, first.experiment) == ('mean_pose', 'mean_pose', 5, 'demo')
    assert first.config_hash == second.config_hash and (first.seed, second.seed) == (0, 1)
    assert first.command.endswith('--log results/demo --num 5 --seeds 0')
    stages_config.write_text(stages_config.read_text().replace("role='baseline'", "role='variant'"))
    with pytest.raises(ConfigError, match="no stage has the role 'baseline', whose data give the mean pose"):
        list(log_mean_pose(str(stages_config), [0], tmp_path / 'demo'))
