"""The line at the end of a job of several processes; with real ones: tests/commands/test_train.py."""

import signal
from types import SimpleNamespace

import pytest
from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

from handkd import launching


def failure(exitcode, timestamp=5):
    return SimpleNamespace(exitcode=exitcode, timestamp=timestamp)


@pytest.fixture
def ended(monkeypatch, capsys):
    """Return a function that gives status and message of a job whose processes end in some way."""
    monkeypatch.delenv('HANDKD_COMMAND', False)

    def main(error):
        def run(_args):
            raise error

        monkeypatch.setattr(launching.run, 'run', run)
        return launching.main(['script.py']), capsys.readouterr().err

    def job(failures):
        error = ChildFailedError.__new__(ChildFailedError)  # its constructor formats whole reports
        error.failures = failures
        return main(error)

    return SimpleNamespace(job=job, main=main)


@pytest.mark.parametrize(
    ('failures', 'status', 'line'),
    [
        ({0: failure(69, 1), 1: failure(-9, 2)}, 137, 'process 1 was killed by SIGKILL, as the system does when'),
        ({0: failure(2, 2), 1: failure(-15, 1)}, 2, 'process 0 failed with status 2; its message is above, and'),
        ({0: failure(1, 2), 1: failure(2, 1)}, 2, 'process 1 failed with status 2'),
        ({0: failure(-11, 1), 1: failure(69, 1)}, 139, 'process 0 was killed by SIGSEGV, and the other processes'),
        ({1: failure(-15, 1)}, 143, 'process 1 was killed by SIGTERM, and'),
    ],
)
def test_the_process_that_ended_the_others_is_named(ended, failures, status, line):
    found, said = ended.job(failures)
    assert found == status and said.startswith(f'error: {line}') and said.count('\n') == 1


def test_a_training_says_how_it_is_resumed(ended, monkeypatch):
    monkeypatch.setenv('HANDKD_COMMAND', 'tools/dist_train.sh my.py 2 ')
    _, said = ended.job({0: failure(-9)})
    assert said.endswith('; to resume from the last checkpoint: tools/dist_train.sh my.py 2 --resume\n')


def test_a_job_that_was_told_to_end_has_said_so_itself(ended):
    assert ended.job({0: failure(75), 1: failure(75)}) == (75, '')
    assert ended.main(SignalException('told', signal.SIGTERM)) == (75, '')
    assert ended.main(SignalException('told', signal.SIGINT)) == (130, '')


def test_no_news_without_an_error(monkeypatch, capsys):
    monkeypatch.setattr(launching.run, 'run', lambda args: None)
    assert launching.main(['script.py']) == 0 and capsys.readouterr() == ('', '')
