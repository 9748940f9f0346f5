"""Estimators of MMPose, unchanged, as students and teachers."""

import copy

import numpy as np
import pytest
import torch
from mmengine.optim import OptimWrapper
from mmengine.registry import init_default_scope

from handkd.models import load_weights
from handkd.models.distillers import BaseDistiller
from handkd.registry import MODELS

from .conftest import MEAN, STD, estimator_cfg, topdown_cfg


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('handkd')  # as a run does: MMEngine itself builds MMPose's preprocessor


@MODELS.register_module()
class HeadDistance(BaseDistiller):
    """Mean squared distance of two heads' outputs."""

    student_taps = ('head',)
    teacher_taps = dict(big=('head',))

    def forward(self, context):
        pair = context.student['head'], context.teachers['big']['head']
        student, teacher = (one if isinstance(one, tuple) else (one,) for one in pair)
        return dict(distance=sum((a - b).square().mean() for a, b in zip(student, teacher)))


@MODELS.register_module()
class PooledDistance(BaseDistiller):
    """Mean squared distance of pooled features."""

    student_taps = ('backbone',)
    teacher_taps = dict(big=('neck',))

    def forward(self, context):
        pooled = context.student['backbone'][-1].mean((2, 3))
        return dict(distance=(pooled - context.teachers['big']['neck'][-1]).square().mean())


@pytest.fixture
def distilled(tmp_path):
    def make(student, teacher, **own):
        torch.manual_seed(1)
        torch.save(dict(state_dict=MODELS.build(teacher).state_dict()), tmp_path / 'teacher.pth')
        return (
            dict(
                type='DistilledEstimator',
                student=student,
                teachers=dict(big=dict(model=teacher, checkpoint=str(tmp_path / 'teacher.pth'))),
                distillers=dict(head=dict(type='HeadDistance')),
            )
            | own
        )

    return make


def train_step(model, batch):
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.01))
    return model.train().train_step(copy.deepcopy(batch), wrapper)


@pytest.mark.parametrize('kind', ['heatmap', 'simcc', 'regression'])
def test_one_teaches_another_and_the_student_is_the_plain_one(distilled, mmpose_batch, tmp_path, kind):
    test_cfg = dict(flip_test=kind != 'regression', flip_mode='heatmap', shift_heatmap=False)
    student = topdown_cfg(kind, test_cfg=test_cfg)
    batch = mmpose_batch(kind)
    model = MODELS.build(distilled(student, topdown_cfg(kind, width=16)))
    found = train_step(model, batch)
    assert {'loss_kpt', 'loss_head_distance'} <= set(found)
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'student.pth')
    plain = MODELS.build(dict(student, type='mmpose.TopdownPoseEstimator'))
    assert set(model.state_dict()) == set(plain.state_dict())
    load_weights(plain, tmp_path / 'student.pth')
    first, second = (net.eval().test_step(copy.deepcopy(batch)) for net in (model, plain))
    for a, b in zip(first, second):
        np.testing.assert_array_equal(a.pred_instances.keypoints, b.pred_instances.keypoints)
        np.testing.assert_array_equal(a.pred_instances.keypoint_scores, b.pred_instances.keypoint_scores)


def test_the_context_has_images_by_modality(distilled, mmpose_batch, monkeypatch):
    seen = []
    monkeypatch.setattr(HeadDistance, 'forward', lambda _, context: seen.append(context) or {})
    train_step(MODELS.build(distilled(topdown_cfg(), topdown_cfg())), mmpose_batch())
    assert {name: tuple(images.shape) for name, images in seen[0].inputs.items()} == dict(rgb=(2, 3, 64, 64))


def test_the_teacher_gets_its_own_normalisation(distilled, mmpose_batch):
    teacher = topdown_cfg()
    teacher['data_preprocessor'] = dict(type='PoseDataPreprocessor', mean=[1.0, 2.0, 3.0], std=[40.0, 50.0, 60.0])
    batch = mmpose_batch()
    model = MODELS.build(distilled(topdown_cfg(), teacher))
    seen = []
    for network in (model.student, model.teachers['big']):
        network.backbone.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    train_step(model, batch)
    pixels = torch.stack(batch['inputs']).double()
    for images, (mean, std, reverse) in zip(seen, [(MEAN, STD, True), ([1, 2, 3], [40, 50, 60], False)]):
        expected = pixels.flip(1) if reverse else pixels
        expected = (expected - expected.new_tensor(mean).view(3, 1, 1)) / expected.new_tensor(std).view(3, 1, 1)
        np.testing.assert_allclose(images, expected, rtol=1e-5, atol=1e-5)


def test_a_student_of_mmpose_learns_from_a_teacher_of_depth(distilled, mmpose_batch):
    """Images by modality come from handkd's preprocessor, which has the student's statistics."""
    student, teacher = topdown_cfg(), estimator_cfg('depth', 1)
    own = dict(type='HandDataPreprocessor', rgb=dict(mean=MEAN, std=STD), bgr_to_rgb=True)
    distillers = dict(feature=dict(type='PooledDistance'))
    model = MODELS.build(distilled(student, teacher, data_preprocessor=own, distillers=distillers))
    batch = mmpose_batch()
    batch['inputs'] = dict(rgb=batch['inputs'], depth=list(torch.rand(2, 1, 64, 64)))
    assert {'loss_kpt', 'loss_feature_distance'} <= set(train_step(model, batch))
