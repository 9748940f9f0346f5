import math

import pytest
from mmengine.logging import MessageHub

from handkd.models.distillers import FeatureMimic, WeightSchedule


@pytest.fixture
def hub():
    """The state of a run, and nothing of it for the tests after this one."""
    current = MessageHub.get_current_instance()
    before = dict(current.runtime_info)
    yield current
    current.runtime_info.clear()
    current.runtime_info.update(before)


def test_the_default_is_the_decay_of_dwpose(hub):
    distiller = FeatureMimic('neck', schedule=dict(type='linear'))
    for epoch in range(7):
        hub.runtime_info.update(epoch=epoch, max_epochs=7, iter=100 * epoch, max_iters=700)
        assert distiller.factor() == 1 - epoch / 7


def test_a_warm_up_in_steps_and_a_decay_in_epochs_are_multiplied(hub):
    warm_up = dict(type='linear', by_epoch=False, end=100, start_factor=0.0, end_factor=1.0)
    distiller = FeatureMimic('neck', schedule=[warm_up, dict(type='cosine', begin=1)])
    hub.runtime_info.update(epoch=0, max_epochs=5, iter=25, max_iters=500)
    assert distiller.factor() == 0.25
    hub.runtime_info.update(epoch=2, iter=200)
    assert distiller.factor() == pytest.approx((1 + math.cos(math.pi / 4)) / 2)


@pytest.mark.parametrize(
    ('options', 'expected'),
    [
        (dict(type='linear', begin=2, end=4, start_factor=0.5, end_factor=2.0), [0.5, 0.5, 0.5, 1.25, 2.0, 2.0]),
        (dict(type='cosine', begin=1, end=3), [1.0, 1.0, 0.5, 0.0, 0.0, 0.0]),
        (dict(type='window', begin=1, end=3), [0.0, 1.0, 1.0, 0.0, 0.0, 0.0]),
        (dict(type='window', begin=4), [0.0, 0.0, 0.0, 0.0, 1.0, 1.0]),
    ],
)
def test_factors(options, expected):
    schedule = WeightSchedule(**options)
    got = [schedule.at(position, options.get('end', 6)) for position in range(6)]
    assert got == pytest.approx(expected)


def test_outside_of_a_run_the_factor_is_that_of_the_first_step(hub):
    hub.runtime_info.clear()
    assert FeatureMimic('neck', schedule=dict(type='linear', start_factor=0.3)).factor() == 0.3
    assert FeatureMimic('neck').factor() == 1


@pytest.mark.parametrize(
    ('schedule', 'message'),
    [
        (dict(type='linaer'), "FeatureMimic: schedule.type: there is no 'linaer'; did you mean 'linear'"),
        (dict(type='linear', begn=1), "schedule of type 'linear': unknown key 'begn'; did you mean 'begin'"),
        (dict(type='window', start_factor=1.0), "schedule of type 'window': unknown key 'start_factor'"),
        (dict(begin=1), r"schedule must be dict\(type='linear', ...\), found \{'begin': 1\}"),
        ('linear', "schedule must be dict.* found 'linear'"),
        (dict(type='cosine', begin=3, end=3), 'end must be after begin, found begin=3, end=3'),
        (dict(type='cosine', begin=0.5), 'schedule.begin must be an epoch or step, at least 0, found 0.5'),
        (dict(type='cosine', end_factor='0'), "schedule.end_factor must be a number, found '0'"),
    ],
)
def test_a_wrong_schedule_is_named(schedule, message):
    with pytest.raises(ValueError, match=message):
        FeatureMimic('neck', schedule=schedule)


def test_a_schedule_that_begins_after_the_training_is_refused(hub):
    hub.runtime_info.update(epoch=0, max_epochs=3)
    with pytest.raises(ValueError, match='begin is 3, but the training has 3 epochs'):
        FeatureMimic('neck', schedule=dict(type='linear', begin=3)).factor()
