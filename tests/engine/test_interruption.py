"""Who hears the signals that end a training, and what they do when."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from handkd.engine import Interruption, outlive_signals, stop_signals


def test_outside_steps_a_signal_ends_all_at_once():
    for number, status in ((signal.SIGTERM, 75), (signal.SIGUSR1, 75)):
        with pytest.raises(Interruption, match=f'ended by {number.name}$') as end, stop_signals():
            os.kill(os.getpid(), number)
        assert end.value.code == status
    with pytest.raises(KeyboardInterrupt), stop_signals():
        os.kill(os.getpid(), signal.SIGINT)


def test_in_a_step_it_is_kept_in_mind_and_the_first_one_counts(capfd):
    with stop_signals() as stop:
        stop.check()
        stop.patient = True
        for number in (signal.SIGUSR1, signal.SIGTERM, signal.SIGTERM):
            os.kill(os.getpid(), number)
        assert stop.heard == signal.SIGUSR1 and capfd.readouterr().err.count('ending after this step') == 1
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(Interruption, match='SIGUSR1'):
            stop.check()


def test_one_context_in_another_is_the_same_and_all_is_put_back():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)]
    with stop_signals() as outer:
        with stop_signals() as inner:
            assert inner is outer
        assert signal.getsignal(signal.SIGTERM) == outer.hear
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)] == before


def test_what_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    try:
        with stop_signals() as stop:
            os.kill(os.getpid(), signal.SIGUSR1)
            assert stop.heard is None
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_another_thread_hears_none():
    heard = []

    def run():
        with stop_signals() as stop:
            heard.append(stop.heard)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert heard == [None]


def test_a_process_that_is_forked_takes_signals_as_any_other():
    told, ready = os.pipe()
    with stop_signals() as stop:
        stop.patient = True
        child = os.fork()
        if child == 0:
            os.write(ready, b'1')
            signal.pause()
            os._exit(1)
        os.read(told, 1)  # a signal that came before would be its parent's
        os.kill(child, signal.SIGTERM)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGTERM


def test_a_worker_outlives_what_its_parent_did_not_send():
    told, ready = os.pipe()
    child = os.fork()
    if child == 0:
        outlive_signals()
        os.write(ready, b'1')
        signal.pause()
        os._exit(1)
    os.read(told, 1)
    kill = 'import os, sys; [os.kill(int(sys.argv[1]), number) for number in (2, 10, 15)]'
    subprocess.run([sys.executable, '-c', kill, str(child)], check=True)
    assert os.waitpid(child, os.WNOHANG) == (0, 0)
    os.kill(child, signal.SIGTERM)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
