"""Samples of handkd as MMPose's heads and metrics read them."""

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from mmpose.models.pose_estimators import TopdownPoseEstimator

from handkd.datasets.transforms import HandTargets, PackHandInputs
from handkd.hints import ConfigError
from handkd.registry import KEYPOINT_CODECS, TRANSFORMS
from tests.models.estimators.conftest import MMPOSE_CODECS


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('handkd')


def sample():
    """A hand of which joint 3 is hidden, and joint 5 has no label."""
    rng = np.random.default_rng(0)
    joints, visible, valid = rng.uniform(8, 56, (1, 21, 2)).astype(np.float32), *np.ones((2, 1, 21), np.float32)
    joints[0, 5], valid[0, 5], visible[0, [3, 5]] = np.nan, 0, 0
    return dict(
        img=rng.integers(0, 256, (64, 64, 3), np.uint8), img_shape=(64, 64), keypoints=joints,
        keypoints_visible=visible, keypoints_valid=valid, hand_mask=np.ones((64, 64), bool),
    )  # fmt: skip


@pytest.mark.parametrize('kind', ['heatmap', 'simcc', 'regression', 'dsnt'])
def test_labelled_joints_have_the_targets_of_mmposes_codec(kind):
    made = HandTargets(MMPOSE_CODECS[kind])(sample())
    packed = PackHandInputs(fields=['hand_mask'], mmpose=True)(made)['data_samples']
    valid = sample()['keypoints_valid']
    joints = np.where(valid[..., None] > 0, sample()['keypoints'], 0)
    expected = KEYPOINT_CODECS.build(MMPOSE_CODECS[kind]).encode(joints, valid)
    labels = packed.gt_instance_labels
    np.testing.assert_array_equal(labels.keypoint_weights, expected['keypoint_weights'])
    assert labels.keypoint_weights[0, 3] == 1 and labels.keypoint_weights[0, 5] == 0
    for key in {'keypoint_labels', 'keypoint_x_labels', 'keypoint_y_labels'} & expected.keys():
        np.testing.assert_array_equal(labels[key], expected[key])
    if 'heatmaps' in expected:
        np.testing.assert_array_equal(packed.gt_fields.heatmaps, expected['heatmaps'])
    assert packed.gt_fields.hand_mask.shape == (1, 64, 64)
    np.testing.assert_array_equal(packed.gt_instances.keypoints_visible, sample()['keypoints_visible'])


def test_mmposes_generate_target_counts_visible_joints():
    step = TRANSFORMS.build(dict(type='GenerateTarget', encoder=MMPOSE_CODECS['simcc']))
    packed = PackHandInputs(mmpose=True)(step(dict(sample(), keypoints=np.nan_to_num(sample()['keypoints']))))
    weights = packed['data_samples'].gt_instance_labels.keypoint_weights
    assert weights[0, [3, 5]].tolist() == [0, 0] and weights.sum() == 19


def test_predictions_stay_in_pixels_of_the_crop():
    packed = PackHandInputs(mmpose=True)(dict(sample(), img=np.zeros((64, 48, 3), np.uint8)))['data_samples']
    meta = {key: packed.metainfo[key] for key in ('input_size', 'input_center', 'input_scale')}
    assert meta['input_size'] == (48, 64)
    joints = np.random.default_rng(1).uniform(0, 64, (1, 21, 2))
    instances = InstanceData(keypoints=joints.copy(), keypoint_scores=np.ones((1, 21)))
    network = object.__new__(TopdownPoseEstimator)
    torch.nn.Module.__init__(network)
    network.test_cfg = {}
    (found,) = network.add_pred_to_datasample([instances], None, [packed])
    np.testing.assert_allclose(found.pred_instances.keypoints, joints, rtol=1e-6)
    np.testing.assert_array_equal(found.pred_instances.bboxes, [[0, 0, 48, 64]])


def test_a_crop_of_another_size_and_missing_joints_are_named():
    step = HandTargets(MMPOSE_CODECS['simcc'])
    with pytest.raises(ConfigError, match='the image is 48 x 64 px, but .* input_size 64 x 64: .* after WarpCrop'):
        step(dict(sample(), img_shape=(64, 48)))
    with pytest.raises(ValueError, match="HandTargets needs 'keypoints'"):
        step(dict(img_shape=(64, 64)))
