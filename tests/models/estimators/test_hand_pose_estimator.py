import numpy as np
import pytest
import torch

from handkd.evaluation import HandSegmentationMetric
from handkd.registry import MODELS

from .conftest import estimator_cfg


def test_prediction_in_mm_is_placed_at_the_true_root_and_scale(batch):
    model = MODELS.build(estimator_cfg()).eval()
    samples = model.test_step(batch)
    for sample in samples:
        truth = sample.gt_instances.keypoints_cam
        scale = np.linalg.norm(truth[:, 9] - truth[:, 0], axis=-1)
        expected = sample.pred_instances.keypoints_xyz * scale + truth[:, 9:10]
        np.testing.assert_allclose(sample.pred_instances.keypoints_cam, expected, rtol=1e-5)
        assert sample.pred_instances.keypoints_xyz.shape == (1, 21, 3)


def test_modalities_are_fused_along_the_channels(batch):
    model = MODELS.build(estimator_cfg(['rgb', 'depth'], 4)).eval()
    rgb = model.data_preprocessor(batch)['inputs']
    out = model(rgb).xyz
    rgb['depth'] = rgb['depth'] + 1
    assert not torch.equal(model(rgb).xyz, out)


def test_without_ground_truth_only_the_normalised_prediction_is_given(batch):
    for sample in batch['data_samples']:
        del sample.gt_instances
    (first, *_) = MODELS.build(estimator_cfg()).eval().test_step(batch)
    assert set(first.pred_instances.keys()) == {'keypoints_xyz'}


def test_fingertips_alone_give_no_scale(batch):
    for sample in batch['data_samples']:
        sample.gt_instances.keypoints_valid = np.isin(np.arange(21), (4, 8, 12, 16, 20))[None].astype(np.float32)
    (first, *_) = MODELS.build(estimator_cfg()).eval().test_step(batch)
    assert set(first.pred_instances.keys()) == {'keypoints_xyz'}


def test_unknown_mode(batch):
    with pytest.raises(ValueError, match="found 'train'"):
        MODELS.build(estimator_cfg())(batch['inputs'], mode='train')


def test_a_head_in_the_image_gives_pixels_and_scores(batch):
    codec = dict(type='CPMHeatmap', input_size=64, heatmap_size=8, sigma=6.0)
    model = MODELS.build(
        dict(
            type='HandPoseEstimator',
            backbone=dict(type='CPMFeatures', variant='posenet', base_channels=4),
            head=dict(type='PoseMachineHead', in_channels=8, first_channels=8, channels=8, codec=codec),
        )
    ).eval()
    inputs = model.data_preprocessor(batch)['inputs']
    found, scores = model.head.codec.decode(model(inputs)[-1])
    for i, sample in enumerate(model.test_step(batch)):
        assert set(sample.pred_instances.keys()) == {'keypoints', 'keypoint_scores'}
        np.testing.assert_array_equal(sample.pred_instances.keypoints, found[i : i + 1].numpy())
        np.testing.assert_allclose(sample.pred_instances.keypoint_scores, scores[i : i + 1].detach().numpy(), rtol=1e-5)


def test_a_head_that_segments_gives_maps(batch):
    model = MODELS.build(
        dict(
            type='HandPoseEstimator',
            modality='depth',
            backbone=dict(type='DensePatchNet', channels=(4, 4, 4), hidden=(6, 6)),
            head=dict(type='PartSegmentationHead', in_channels=6),
        )
    ).eval()
    depth = model.data_preprocessor(batch)['inputs']['depth']
    expected = model.head.part_map(model.backbone(depth)).numpy()
    metric = HandSegmentationMetric()
    for i, sample in enumerate(model.test_step(batch)):
        assert 'pred_instances' not in sample and set(sample.pred_fields.keys()) == {'part_seg'}
        np.testing.assert_array_equal(sample.pred_fields.part_seg, expected[i])
        sample.gt_fields.part_seg = torch.from_numpy(expected[i])
        metric.process({}, [sample.to_dict()])
    assert metric.compute_metrics(metric.results)['per_pixel'] == 1


@pytest.mark.parametrize('estimator', ['HandPoseEstimator', 'ViewSynthesizer'])
def test_a_head_of_mmpose_is_refused_when_it_is_built(estimator):
    head = dict(type='HeatmapHead', in_channels=8, out_channels=21)
    own = dict(estimator_cfg(), head=head)
    views = dict(
        type='ViewSynthesizer', backbone=dict(type='GeometryEncoder'), decoder=dict(type='ViewDecoder'), head=head
    )
    with pytest.raises(ValueError, match='the head HeatmapHead is one of MMPose.*PMDHead.*TopdownPoseEstimator'):
        MODELS.build(own if estimator == 'HandPoseEstimator' else views)
