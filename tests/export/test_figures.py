"""Errors of an exported student: the figures of handkd test, by groups of hands, beside the mean pose's."""

import numpy as np
import pytest
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from handkd.export import figures
from handkd.export.figures import groups_of, measure_figures, time_per_crop, view_of
from handkd.hints import ConfigError
from handkd.inference.onnx_network import OnnxNetwork
from handkd.registry import DATASETS

from ..inference.test_onnx_network import export
from .networks import STUDENTS, make_network
from .small_photo import small_photo


@pytest.fixture
def exported(tmp_path) -> OnnxNetwork:
    return OnnxNetwork(export(make_network('photo', tmp_path), tmp_path, 'photo'), 1)


def test_figures_are_those_of_the_metrics_for_all_and_for_groups(exported, monkeypatch):
    monkeypatch.setattr(figures, '_TRAINING_HANDS', 12)
    cfg = small_photo(STUDENTS['photo'], 64, 16)
    found = measure_figures(cfg, exported)
    assert list(found) == ['all', 'skin', 'side', 'view']
    assert all(sum(one['hands'] for one in groups.values()) == 16 for groups in found.values())
    data = DATASETS.build(cfg.test_dataloader.dataset)
    evaluator = Evaluator(cfg.test_evaluator)
    evaluator.dataset_meta = data.metainfo
    for item in data:
        sample, pixels = item['data_samples'], item['inputs']['rgb'].permute(1, 2, 0).numpy()
        (joints,) = exported([_view(pixels)])
        truth = sample.gt_instances.keypoints_cam
        scale = np.linalg.norm(truth[0, 9] - truth[0, 0])
        sample.pred_instances = InstanceData(
            keypoints=joints['keypoints'][None],
            left=joints['left'][None],
            keypoints_xyz=joints['keypoints_xyz'][None],
            keypoints_cam=joints['keypoints_xyz'][None] * scale + truth[:, :1],
        )
        evaluator.process([sample])
    expected = evaluator.evaluate(16)
    names = dict(mm='rel-wrist_gt-scale_21j/EPE_mean', pa_mm='pa_21j/EPE_mean', side='side/accuracy')
    student = found['all']['all']['student']
    assert student == pytest.approx(
        {key: expected[name] for key, name in names.items()} | dict(px=student['px']), rel=1e-4
    )
    mean = found['all']['all']['mean_pose']
    assert 0 < mean['mm'] < student['mm'] and mean['px'] < student['px']
    parts = found['view'].values()
    errors, hands = [one['student']['mm'] for one in parts], [one['hands'] for one in parts]
    assert np.average(errors, weights=hands) == pytest.approx(student['mm'])


def _view(pixels):
    return figures.HandView(pixels, None, np.eye(3), np.eye(3), None, (np.zeros(2), 1.0), None)


def test_networks_of_other_tasks_are_refused(tmp_path):
    network = OnnxNetwork(export(make_network('pi', tmp_path), tmp_path, 'pi'), 1)
    with pytest.raises(ConfigError, match="with task '3d', found rgb and '2d'"):
        measure_figures(small_photo(STUDENTS['photo'], 64, 4), network)


@pytest.mark.parametrize(('turned', 'seen'), [(0, 'palm'), (50, 'palm'), (70, 'edge'), (110, 'edge'), (180, 'back')])
@pytest.mark.parametrize('side', ['right', 'left'])
def test_what_the_camera_sees(turned, seen, side):
    """A right palm towards the camera, fingers up: the thumb, and with it the index finger, is on the image's right."""
    joints = np.zeros((21, 3))
    joints[[5, 9, 17]] = (20, -90, 0), (0, -90, 0), (-40, -80, 0)
    if side == 'left':
        joints[:, 0] *= -1
    cos, sin = np.cos(np.radians(turned)), np.sin(np.radians(turned))
    turned = joints @ np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]]) + (0, 45, 1e5)
    assert view_of(turned, side) == seen


def test_groups_are_those_that_the_labels_tell():
    samples = []
    for tone, side in ((0.0, 'left'), (0.25, 'right'), (0.5, 'left'), (1.0, 'left')):
        joints = np.random.default_rng(0).normal(0, 50, (1, 21, 3)) + (0, 0, 500)
        one = PoseDataSample(
            metainfo=dict(skin_tone=tone, hand_side=side), gt_instances=InstanceData(keypoints_cam=joints)
        )
        samples.append(one)
    groups = groups_of(samples)
    assert [mine.tolist() for mine in groups['skin'].values()] == [
        [True, True, False, False], [False, False, True, False], [False, False, False, True]
    ]  # fmt: skip
    assert list(groups['side']) == ['left', 'right'] and groups['all']['all'].all()
    assert list(groups_of([PoseDataSample(metainfo={})])) == ['all']


def test_the_time_of_a_crop_is_measured(exported):
    assert time_per_crop(exported) > 0
