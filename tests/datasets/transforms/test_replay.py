"""What a pipeline changes at random, and the pipelines that repeat each outcome."""

import numpy as np
import pytest
from mmpose.datasets.transforms import HandRandomFlip, RandomFlip

from handkd.datasets.transforms import RandomCropNoise, RandomHandFlip
from handkd.datasets.transforms.replay import EFFECTS, effect_of, flip_outcomes, plan_replay
from handkd.hints import ConfigError
from handkd.registry import TRANSFORMS


def planned(settings, modalities=('rgb',), **options):
    return plan_replay(settings, [TRANSFORMS.build(step) for step in settings], modalities, 'pipeline', **options)


def test_all_transforms_of_handkd_declare_their_effect():
    own = [kind for kind in TRANSFORMS.module_dict.values() if kind.__module__.startswith('handkd.')]
    assert len(own) > 10 and [kind for kind in own if not hasattr(kind, 'cache_effect')] == []


@pytest.mark.parametrize(
    ('step', 'effect'),
    [
        (RandomCropNoise((0.9, 1.1)), 'crop'),
        (RandomCropNoise(rotation=10), 'crop'),
        (RandomCropNoise((1.1, 1.1)), 'fixed'),
        (RandomHandFlip(vertical=0.1), 'flip'),
        (RandomHandFlip(), 'fixed'),
        (RandomFlip(), 'flip'),
        (np.sort, None),
    ],
)
def test_effects_follow_from_the_settings(step, effect):
    assert effect_of(step) == effect and (effect is None or effect in EFFECTS)


def test_an_effect_that_does_not_exist_is_refused():
    class Strange:
        cache_effect = 'fixd'

    with pytest.raises(ConfigError, match=r"Strange\.cache_effect: there is no 'fixd'; did you mean 'fixed'"):
        effect_of(Strange())


@pytest.mark.parametrize(
    ('step', 'names'),
    [
        (RandomHandFlip(0.5), ['none', 'horizontal']),
        (RandomHandFlip(1.0, 0.5), ['horizontal', 'diagonal']),
        (RandomHandFlip(0.5, 0.5), ['none', 'horizontal', 'vertical', 'diagonal']),
        (RandomFlip(0.5), ['none', 'horizontal']),
        (RandomFlip([0.4, 0.6], ['vertical', 'diagonal']), ['vertical', 'diagonal']),
        (RandomFlip([0.4, 0.0], ['vertical', 'diagonal']), ['none', 'vertical']),
        (HandRandomFlip(0.5), ['none', 'horizontal']),
    ],
)
def test_each_mirroring_can_be_forced(step, names):
    outcomes = flip_outcomes(step)
    assert list(outcomes) == names
    for name, forced in outcomes.items():
        again = type(step)(**forced)
        if isinstance(step, RandomFlip):
            assert (again._choose_direction() or 'none') == name
        else:
            assert list(flip_outcomes(again)) == [name]


CROP = [dict(type='HandCrop'), dict(type='RandomCropNoise', shift=0.1), dict(type='WarpCrop', size=32)]


def test_only_what_the_teacher_sees_is_in_the_key():
    steps = [dict(type='RandomHandFlip', horizontal=0.5), dict(type='PhotometricJitter'), CROP[0], CROP[2]]
    replay = planned([*steps, dict(type='PackHandInputs')], ['depth'])
    assert replay.key == [steps[0], *steps[2:]] and not replay.moved
    assert replay.pipelines['horizontal'][0] == dict(type='RandomHandFlip', horizontal=1.0, vertical=0.0)
    assert [len(pipeline) for pipeline in replay.pipelines.values()] == [5, 5]


def test_a_moved_crop_is_left_out_only_on_request():
    with pytest.raises(ConfigError, match=r'pipeline\[1\] \(RandomCropNoise\) moves the crop at random'):
        planned(CROP)
    replay = planned(CROP, warp=True)
    assert replay.moved and replay.key == replay.pipelines['none'] == [CROP[0], CROP[2]]


def test_steps_that_the_config_does_not_show_are_refused():
    with pytest.raises(ConfigError, match='has 0 steps, but the data set runs 1'):
        plan_replay([], [np.sort], ['rgb'], 'pipeline')
