"""Two trainings never write into one folder at once."""

import errno
import fcntl
import multiprocessing
import os
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from handkd.apis import work_dirs
from handkd.apis.runs import train
from handkd.apis.work_dirs import LOCK, hold_work_dir

HOLDER = """
import sys
from handkd.apis.work_dirs import hold_work_dir
with hold_work_dir(sys.argv[1]):
    print('held')
"""


def hold(folder, pipe):
    with hold_work_dir(folder):
        pipe.send('held')
        time.sleep(600)


@contextmanager
def held_by_another(folder):
    fork = multiprocessing.get_context('fork')
    here, there = fork.Pipe()
    other = fork.Process(target=hold, args=(folder, there))
    other.start()
    try:
        assert here.poll(60) and here.recv() == 'held'
        yield other
    finally:
        other.kill()
        other.join()


def test_a_second_training_is_refused_until_the_first_is_gone(tiny_cfg, tmp_path):
    cfg = tiny_cfg(2)
    with held_by_another(cfg.work_dir) as other:
        said = rf'run: another training, process {other.pid} on \S+, is running in this folder; .*--work-dir'
        with pytest.raises(OSError, match=said):
            train(cfg)
        train(tiny_cfg(1, 'elsewhere'))
        other.kill()  # as the kernel ends it
        other.join()
        assert (tmp_path / 'run' / LOCK).read_text().startswith(f'{other.pid} on ')
    assert train(cfg).name == 'iter_2.pth'
    assert (tmp_path / 'run' / LOCK).read_text() == ''


def test_one_process_may_hold_a_folder_within_holding_it(tmp_path):
    with hold_work_dir(tmp_path):
        with hold_work_dir(tmp_path):
            pass
        done = subprocess.run([sys.executable, '-c', HOLDER, tmp_path], capture_output=True, text=True)
        assert f'process {os.getpid()} on ' in done.stderr
    with hold_work_dir(tmp_path):  # the end gave it back
        pass


@pytest.mark.parametrize(('launcher', 'rank'), [('pytorch', 'RANK'), ('slurm', 'SLURM_PROCID')])
def test_of_several_processes_the_first_holds_it(tmp_path, monkeypatch, launcher, rank):
    monkeypatch.setenv(rank, '1')
    with hold_work_dir(tmp_path, launcher):
        assert not (tmp_path / LOCK).exists()
    with hold_work_dir(tmp_path, 'none'):
        assert (tmp_path / LOCK).exists()


def test_a_file_system_without_locks_is_warned_of(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, 'No locks available')

    monkeypatch.setattr(work_dirs.fcntl, 'lockf', refuse)
    said = []
    monkeypatch.setattr(work_dirs, 'print_log', lambda text, *_: said.append(text))
    with hold_work_dir(tmp_path):
        pass
    assert len(said) == 1 and 'can not be locked (No locks available)' in said[0]


def test_what_a_killed_write_left_is_removed(tmp_path):
    for name in ('.iter_3.pth.0123abcd.tmp', '.last_checkpoint.0123abcd.tmp', '.mine.0123abcd.tmp', 'iter_2.pth'):
        (tmp_path / name).write_bytes(b'')
    with hold_work_dir(tmp_path):
        assert sorted(os.listdir(tmp_path)) == ['.mine.0123abcd.tmp', 'iter_2.pth', LOCK]


def test_the_lock_is_not_inherited(tmp_path):
    with hold_work_dir(tmp_path):
        child = os.fork()
        if child == 0:
            with open(tmp_path / LOCK, 'r+') as file:
                try:
                    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    os._exit(0)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_what_a_planted_link_leads_to_is_not_emptied(tmp_path):
    (tmp_path / 'victim').write_text('kept')
    (tmp_path / LOCK).symlink_to(tmp_path / 'victim')
    with pytest.raises(OSError, match=LOCK), hold_work_dir(tmp_path):
        pass
    assert (tmp_path / 'victim').read_text() == 'kept'
