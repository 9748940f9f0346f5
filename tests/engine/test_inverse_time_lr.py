import pytest
import torch

from handkd.registry import PARAM_SCHEDULERS


def scheduler(**settings):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    return optimizer, PARAM_SCHEDULERS.build(
        {**dict(type='InverseTimeLR', optimizer=optimizer, by_epoch=False), **settings}
    )


def test_the_rate_is_torch7s():
    optimizer, schedule = scheduler(decay=1e-2)
    for step in range(300):
        assert optimizer.param_groups[0]['lr'] == pytest.approx(0.1 / (1 + step * 1e-2), rel=1e-9)
        optimizer.step()
        schedule.step()


def test_a_resumed_schedule_goes_on():
    optimizer, schedule = scheduler(decay=1e-2)
    for _ in range(10):
        optimizer.step()
        schedule.step()
    other, resumed = scheduler(decay=1e-2)
    other.load_state_dict(optimizer.state_dict())
    resumed.load_state_dict(schedule.state_dict())
    other.step()
    resumed.step()
    assert other.param_groups[0]['lr'] == pytest.approx(0.1 / 1.11, rel=1e-9)


def test_wrong_settings_are_refused():
    with pytest.raises(ValueError, match='decay must be positive'):
        scheduler(decay=0.0)
    with pytest.raises(ValueError, match='set by_epoch=False'):
        scheduler(decay=0.1, by_epoch=True)
