"""What a teacher sees: the student's crops, as the teacher's own preprocessor and size say."""

import copy

import cv2
import numpy as np
import pytest
import torch
from mmengine.optim import OptimWrapper

from handkd.hints import ConfigError
from handkd.models.estimators.teacher_inputs import TeacherInputs
from handkd.registry import MODELS

from .conftest import estimator_cfg

TINTED = dict(mean=(10.0, 20.0, 30.0), std=(40.0, 50.0, 90.0))
HALF = dict(mean=(0.25,), std=(0.5,))


@pytest.fixture
def taught(tmp_path):
    """Returns a student of RGB with one teacher, and the list of what the teacher's backbone was given."""

    def make(modality='rgb', preprocessor=None, student=None, **spec):
        model = estimator_cfg(modality, 3 if modality == 'rgb' else 1)
        if preprocessor:
            model['data_preprocessor'] = preprocessor
        torch.manual_seed(1)
        torch.save(dict(state_dict=MODELS.build(model).state_dict()), tmp_path / 'teacher.pth')
        pupil = dict(estimator_cfg(), **({'data_preprocessor': student} if student else {}))
        network = MODELS.build(
            dict(
                type='DistilledEstimator',
                student=pupil,
                teachers=dict(depth=dict(model=model, checkpoint=str(tmp_path / 'teacher.pth'), **spec)),
                distillers=dict(feat=dict(type='FeatureMimic', layer='neck')),
            )
        )
        seen = []
        network.teachers['depth'].backbone.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
        network.student.backbone.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
        return network, seen

    return make


def step(network, batch):
    """A training step on a copy of a batch, as the runner does it."""
    network.train()
    wrapper = OptimWrapper(torch.optim.SGD(network.parameters(), lr=1e-3))
    return network.train_step(copy.deepcopy(batch), wrapper)


def pictures(batch, mean, std, reverse):
    images = torch.stack(batch['inputs']['rgb']).numpy().astype(np.float64)
    images = images[:, ::-1] if reverse else images
    return (images - np.reshape(mean, (3, 1, 1))) / np.reshape(std, (3, 1, 1))


@pytest.mark.parametrize(
    ('preprocessor', 'reverse'),
    [
        (dict(type='HandDataPreprocessor', rgb=TINTED), True),
        (dict(type='HandDataPreprocessor', rgb=TINTED, bgr_to_rgb=False), False),
        (dict(type='PoseDataPreprocessor', **TINTED, bgr_to_rgb=True), True),
    ],
)
@pytest.mark.parametrize('student', [None, dict(type='HandDataPreprocessor', rgb=None, bgr_to_rgb=False)])
def test_a_teacher_of_other_statistics_gets_its_own(taught, batch, preprocessor, reverse, student):
    network, seen = taught('rgb', preprocessor, student)
    step(network, batch)
    own, theirs = seen
    np.testing.assert_allclose(theirs, pictures(batch, **TINTED, reverse=reverse), rtol=1e-5, atol=1e-5)
    if student is None:
        np.testing.assert_allclose(
            own, pictures(batch, [123.675, 116.28, 103.53], [58.395, 57.12, 57.375], True), rtol=1e-5, atol=1e-5
        )


def test_depth_that_only_the_teacher_normalises(taught, batch):
    network, seen = taught('depth', dict(type='HandDataPreprocessor', depth=HALF))
    step(network, batch)
    torch.testing.assert_close(seen[1], (torch.stack(batch['inputs']['depth']) - 0.25) / 0.5)


def test_the_teacher_alone_would_see_the_same(taught, batch):
    """Its features in the student's training are those that it gives by itself, in evaluation."""
    network, seen = taught('rgb', dict(type='HandDataPreprocessor', rgb=TINTED))
    step(network, batch)
    teacher = network.teachers['depth']
    torch.testing.assert_close(seen[1], teacher.data_preprocessor(copy.deepcopy(batch))['inputs']['rgb'])


@pytest.mark.parametrize('modality', ['rgb', 'depth'])
def test_equal_statistics_change_nothing(taught, batch, modality):
    network, seen = taught(modality)
    step(network, batch)
    own = network.data_preprocessor(copy.deepcopy(batch))['inputs'][modality]
    assert torch.equal(seen[1], own)
    assert modality == 'depth' or seen[1] is seen[0]


@pytest.mark.parametrize(('size', 'shape'), [(32, (32, 32)), (96, (96, 96)), ((48, 32), (32, 48)), (64, (64, 64))])
def test_a_teacher_of_another_size_gets_the_crop_at_its_own(taught, batch, size, shape):
    network, seen = taught('rgb', dict(type='HandDataPreprocessor', rgb=TINTED), input_size=size)
    step(network, batch)
    wanted = pictures(batch, **TINTED, reverse=True).transpose(0, 2, 3, 1).astype(np.float32)
    assert seen[1].shape[2:] == shape and seen[0].shape[2:] == (64, 64)
    if min(shape) >= 64:
        expected = np.stack([cv2.resize(image, shape[::-1], interpolation=cv2.INTER_LINEAR) for image in wanted])
        np.testing.assert_allclose(seen[1].permute(0, 2, 3, 1), expected, atol=1e-4)
    else:
        np.testing.assert_allclose(seen[1].mean((2, 3)), wanted.mean((1, 2)), atol=0.05)


def test_depth_takes_the_nearest_pixel_and_invents_none(taught, batch):
    network, seen = taught('depth', input_size=32)
    step(network, batch)
    depth = torch.stack(batch['inputs']['depth'])
    assert torch.equal(seen[1], depth[:, :, 1::2, 1::2])


def test_a_codec_says_the_teachers_size(taught):
    head = dict(type='Regression25DHead', codec=dict(type='Latent25D', input_size=96))
    inputs = TeacherInputs('t', torch.nn.Identity(), torch.nn.Identity(), dict(type='X', head=head))
    assert inputs(dict(rgb=torch.zeros(1, 3, 64, 64)))['rgb'].shape == (1, 3, 96, 96)
    with pytest.raises(ConfigError, match=r'model\.teachers\.t\.input_size is 64, but model\.teachers\.t\.model\.head'):
        TeacherInputs('t', torch.nn.Identity(), torch.nn.Identity(), dict(type='X', head=head), 64)
    with pytest.raises(ConfigError, match="input_size must be a side in px or .*found 'big'"):
        TeacherInputs('t', torch.nn.Identity(), torch.nn.Identity(), {}, 'big')


def test_maps_of_another_grid_are_the_distillers_to_refuse(taught, batch):
    network, _ = taught('rgb', input_size=128)
    network.training_only.feat.pairs = (('backbone', 'backbone'),)
    network._student_taps = ('backbone',)
    network._teachers.set_taps(dict(feat=dict(depth=('backbone',))))
    with pytest.raises(ValueError, match="the student's features .* and the teacher's .* differ"):
        step(network, batch)


def test_preprocessors_that_can_not_be_followed_are_refused(taught):
    with pytest.raises(ConfigError, match="the teacher 'depth': its data_preprocessor PoseDataPreprocessor pads"):
        taught('rgb', dict(type='PoseDataPreprocessor', pad_size_divisor=32))
    with pytest.raises(ConfigError, match='has statistics of 3 channels, but depth has 1'):
        taught('depth', dict(type='PoseDataPreprocessor', **TINTED))


def test_a_preprocessor_around_the_student_must_be_the_students(distilled_cfg):
    distilled_cfg['data_preprocessor'] = dict(type='HandDataPreprocessor', channels_last=False)
    MODELS.build(distilled_cfg)
    distilled_cfg['data_preprocessor'] = dict(type='HandDataPreprocessor', rgb=TINTED)
    with pytest.raises(
        ConfigError, match=r'the student takes rgb with mean \[123.675.*DistilledEstimator gives it mean'
    ):
        MODELS.build(distilled_cfg)
