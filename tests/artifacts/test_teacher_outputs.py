"""Settings that decide a teacher's outputs. The outputs themselves are tested in test_teacher_cache.py."""

import pytest
import torch
from mmengine.config import Config

from handkd.artifacts.teacher_outputs import _modalities, _precision, number_samples
from handkd.engine import bf16_is_fast


def test_mmposes_samples_keep_their_numbers():
    settings = dict(pipeline=[dict(type='LoadImage'), dict(type='mmpose.PackPoseInputs')])
    number_samples(settings)
    number_samples(settings)
    keys = settings['pipeline'][1]['meta_keys']
    assert keys.count('sample_idx') == 1 and {'img_id', 'flip', 'flip_direction'} <= set(keys)
    own = dict(pipeline=[dict(type='PackPoseInputs', meta_keys=('img_id',))])
    number_samples(own)
    assert own['pipeline'][0]['meta_keys'][:4] == ('img_id', 'sample_idx', 'flip', 'flip_direction')


@pytest.mark.skipif(torch.cuda.is_available(), reason='of the CPU')
@pytest.mark.parametrize(
    ('settings', 'precision'),
    [
        (dict(type='OptimWrapper'), 'float32'),
        (dict(type='AutocastOptimWrapper'), 'bfloat16' if bf16_is_fast('cpu') else 'float32'),
        (dict(type='AutocastOptimWrapper', amp=True), 'bfloat16'),
        (dict(type='handkd.AutocastOptimWrapper', amp=False), 'float32'),
        (dict(type='AmpOptimWrapper', dtype='float16'), 'float16'),
        (dict(type='AmpOptimWrapper'), 'bfloat16'),
    ],
)
def test_the_precision_is_that_of_the_training(settings, precision):
    assert _precision(Config(dict(optim_wrapper=settings))) == precision


def test_the_inputs_of_a_teacher_follow_from_its_settings():
    for settings, expected in (
        (dict(type='HandPoseEstimator'), ('rgb',)),
        (dict(type='HandPoseEstimator', modality='depth'), ('depth',)),
        (dict(type='HandPoseEstimator', modality=['rgb', 'depth']), ('rgb', 'depth')),
        (dict(type='mmpose.TopdownPoseEstimator'), ('rgb',)),
    ):
        assert _modalities(settings) == expected
