"""Killed processes end a tool with one line, which says what happened and what to do."""

import re
import subprocess
import sys

import pytest

from handkd.apis.worker_errors import explain_worker, silence_unraisable_worker_errors

KILLED = """
import os, signal, sys
from concurrent.futures import ProcessPoolExecutor
from torch.utils.data import DataLoader
from handkd.apis.cli import run_cli

class Dying:
    def __len__(self):
        return 8

    def __getitem__(self, index):
        if index == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return index

def load(argv):
    for _ in DataLoader(Dying(), 1, num_workers=1):
        pass

def pack(argv):
    with ProcessPoolExecutor(1) as pool:
        pool.submit(os._exit, 1).result()

for tool in (load, pack):
    if not os.fork():
        run_cli(tool)
    status = os.waitstatus_to_exitcode(os.wait()[1])
    print(f'{tool.__name__} ended with {status}', file=sys.stderr, flush=True)
"""


def test_a_killed_process_ends_a_tool_with_one_line():
    """In processes of their own: PyTorch raises its error wherever a process is that has lost a child."""
    done = subprocess.run([sys.executable, '-c', KILLED], capture_output=True, text=True, timeout=120)
    load, pack, rest = re.split(r'^(?:load|pack) ended with 2\n', done.stderr, flags=re.M)
    for text, said in (
        (load, r'a process that loads data .* ended .*num_workers or batch_size'),
        (pack, 'a process that packs data was killed.* fewer --workers'),
    ):
        error = [line for line in text.splitlines() if line.startswith('error: ')]
        assert len(error) == 1 and re.search(said, error[0]) and 'Traceback' not in text, text[-500:]
    assert rest == ''


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        ('DataLoader worker (pid 7) is killed by signal: Killed. ', r'pid 7\) was ended by a signal \(Killed\)'),
        ('DataLoader worker (pid(s) 7, 9) exited unexpectedly', r'pid 7, 9\) ended without an error'),
        ('DataLoader worker (pid 7) is killed by signal: Bus error. It is possible', 'ran out of shared memory'),
        ('unable to write to file </torch_12_3_4>: No space left on device (28)', 'ran out of shared memory'),
    ],
)
def test_what_pytorch_says_of_it(text, said):
    assert re.search(said, str(explain_worker(RuntimeError(text))))


@pytest.mark.parametrize('kind', [ConnectionResetError, EOFError])
def test_a_process_that_is_dead_before_its_samples_are_taken_over(kind):
    code = compile('raise kind("reset by peer")', '/site-packages/torch/multiprocessing/reductions.py', 'exec')
    with pytest.raises(kind) as caught:
        exec(code, dict(kind=kind))
    assert 'num_workers or batch_size' in str(explain_worker(caught.value))
    assert explain_worker(kind('of a server')) is None


@pytest.mark.parametrize('error', [RuntimeError('mat1 and mat2 shapes can not be multiplied'), KeyError('pid')])
def test_other_errors_stay_what_they_are(error):
    assert explain_worker(error) is None


class _RaisesWhenDeleted:
    def __init__(self, error):
        self.error = error

    def __del__(self):
        raise self.error


def test_the_end_of_a_worker_raised_in_a_destructor_is_not_printed(monkeypatch):
    seen = []
    monkeypatch.setattr(sys, 'unraisablehook', lambda unraisable: seen.append(str(unraisable.exc_value)))
    silence_unraisable_worker_errors()
    silence_unraisable_worker_errors()
    _RaisesWhenDeleted(RuntimeError('DataLoader worker (pid 7) is killed by signal: Killed. '))
    assert seen == []
    _RaisesWhenDeleted(RuntimeError('another error'))
    assert seen == ['another error']
