"""Statuses that scripts and schedulers act on."""

import signal

import pytest

from handkd.exits import CTRL_C_STATUS, RESUME_STATUS, Interruption


@pytest.mark.parametrize(
    ('number', 'status'), [(signal.SIGINT, CTRL_C_STATUS), (signal.SIGTERM, RESUME_STATUS), (signal.SIGUSR1, 75)]
)
def test_the_status_says_whether_to_resume(number, status):
    end = Interruption(number, 'after step 5')
    assert end.code == status and str(end) == f'ended by {number.name} after step 5'
