"""An estimator of MMPose as a network of inference: its crop, and joints in px of the crop."""

import numpy as np
import pytest
import torch
from mmengine.config import Config

from handkd.apis.topdown_network import TopdownNetwork, is_topdown
from handkd.hints import ConfigError
from handkd.inference.crops import HandView
from handkd.registry import MODELS

CODEC = dict(type='MSRAHeatmap', input_size=(64, 64), heatmap_size=(16, 16), sigma=2)
MODEL = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(type='PoseDataPreprocessor', mean=[0.0] * 3, std=[255.0] * 3),
    backbone=dict(type='ResNet', depth=18, base_channels=8, stem_channels=8),
    head=dict(
        type='HeatmapHead', in_channels=64, out_channels=21, deconv_out_channels=(8, 8, 8),
        deconv_kernel_sizes=(4, 4, 4), decoder=CODEC,
    ),
    test_cfg=dict(flip_test=True, flip_mode='heatmap'),
)  # fmt: skip


def config(*steps) -> Config:
    return Config(dict(model=MODEL, test_dataloader=dict(dataset=dict(pipeline=list(steps)))))


AFFINE = dict(type='TopdownAffine', input_size=(64, 64))


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(0)
    torch.save({'state_dict': MODELS.build(MODEL).state_dict()}, tmp_path / 'weights.pth')
    return tmp_path / 'weights.pth'


def test_the_crop_is_that_of_the_test_pipeline(weights):
    assert is_topdown(config(AFFINE)) and not is_topdown(Config(dict(model=dict(type='HandPoseEstimator'))))
    crop = TopdownNetwork(config(dict(type='GetBBoxCenterScale', padding=1.3), AFFINE), weights).facts.crop
    assert (crop.rule, crop.factor, crop.size) == ('box', 1.3, 64)
    assert TopdownNetwork(config(AFFINE), weights).facts.crop.factor == 1.25, "MMPose's default padding"


def test_joints_are_the_largest_cells_in_px_of_the_crop_without_flips(weights):
    """MSRAHeatmap places cell i at 4 i px, and moves a joint by a quarter of a cell towards the higher neighbour."""
    network = TopdownNetwork(config(AFFINE), weights)
    maps = torch.zeros(1, 21, 16, 16)
    maps[:, :, 5, 9], maps[:, :, 5, 10], maps[:, :, 4, 9] = 1.0, 0.5, 0.25
    network.model.head.forward = lambda _features: maps
    view = HandView(np.zeros((64, 64, 3), np.uint8), None, np.eye(3), np.eye(3), None, (np.zeros(2), 1.0), None)
    (joints,) = network([view])
    np.testing.assert_allclose(joints['keypoints'], np.tile([4 * 9.25, 4 * 4.75], (21, 1)), atol=1e-5)
    np.testing.assert_allclose(joints['keypoint_scores'], 1.0)


@pytest.mark.parametrize(
    ('steps', 'error'),
    [
        ((dict(AFFINE, input_size=(64, 48)),), r'crops must be square, found input_size=\(64, 48\)'),
        ((dict(type='LoadImage'),), r"pipeline does not crop an image: .*found \['LoadImage'\]"),
    ],
)
def test_other_crops_are_refused(steps, error, weights):
    with pytest.raises(ConfigError, match=error):
        TopdownNetwork(config(*steps), weights)
