"""Rows come back in order from any number of processes, and a killed scan continues where it was."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from handkd.datasets import scanning
from handkd.datasets.scanning import scan


def read_row(log, row):
    """The square of a row's number; each call leaves a line."""
    with open(log, 'a') as file:
        file.write(f'{row}\n')
    if (Path(log).parent / f'broken_{row}').exists():
        raise ValueError(f'row {row} is broken')
    if (Path(log).parent / f'gone_{row}').exists():
        raise FileNotFoundError(2, 'No such file', str(row))
    return dict(square=np.array(row * row), pair=np.full(2, row, np.float32))


def never(row, error):
    raise error


@pytest.fixture
def pieces(monkeypatch):
    """Small pieces, in processes from the third row on."""
    monkeypatch.setattr(scanning, 'PIECE', 10)
    monkeypatch.setattr(scanning, 'FEW', 2)
    monkeypatch.setattr(scanning.os, 'sched_getaffinity', lambda pid: range(3))


def rows_read(log):
    return sorted(map(int, log.read_text().split()))


@pytest.mark.parametrize('count', [0, 1, 2, 9, 10, 95])
def test_rows_come_back_in_order(pieces, tmp_path, count):
    columns = scan(partial(read_row, str(tmp_path / 'log')), count, tmp_path / 'pieces', never)
    assert columns['row'].tolist() == list(range(count))
    if count:
        assert columns['square'].tolist() == [row * row for row in range(count)]
        assert columns['pair'].shape == (count, 2) and columns['pair'].dtype == np.float32
        assert rows_read(tmp_path / 'log') == list(range(count))


def test_faulty_rows_are_reported_and_read_again(pieces, tmp_path):
    (tmp_path / 'broken_15').touch()
    (tmp_path / 'gone_37').touch()
    read, found = partial(read_row, str(tmp_path / 'log')), []
    columns = scan(read, 50, tmp_path / 'pieces', lambda row, error: found.append((row, type(error), str(error))))
    assert sorted(found)[0] == (15, ValueError, 'row 15 is broken')
    assert sorted(found)[1][:2] == (37, OSError) and 'No such file' in sorted(found)[1][2]
    assert columns['row'].tolist() == [row for row in range(50) if row not in (15, 37)]
    (tmp_path / 'broken_15').unlink()
    (tmp_path / 'log').unlink()
    with pytest.raises(OSError, match='No such file'):
        scan(read, 50, tmp_path / 'pieces', never)
    assert set(rows_read(tmp_path / 'log')) <= {*range(10, 20), *range(30, 40)}, 'sound pieces are kept'
    assert not multiprocessing.active_children()


def fail(row):
    raise KeyError('a bug')


def test_a_bug_is_no_fault_of_a_row(pieces, tmp_path):
    with pytest.raises(KeyError, match='a bug'):
        scan(fail, 50, tmp_path / 'pieces', never)
    assert not multiprocessing.active_children()


def die(row):
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_process_is_named(pieces, tmp_path):
    with pytest.raises(ChildProcessError, match=r'ended with code -9, as when .* memory runs out: .*pieces'):
        scan(die, 50, tmp_path / 'pieces', never)


def test_a_data_worker_scans_alone(pieces, tmp_path):
    """It may not have children."""
    job = partial(scan, partial(read_row, str(tmp_path / 'log')), 30, tmp_path / 'pieces', never)
    process = multiprocessing.get_context('fork').Process(target=job, daemon=True)
    process.start()
    process.join()
    assert process.exitcode == 0 and rows_read(tmp_path / 'log') == list(range(30))


SLOW = """
import sys, time
import numpy as np
from handkd.datasets import scanning
scanning.PIECE, scanning.FEW = 10, 2
scanning.os.sched_getaffinity = lambda pid: range(3)
def read(row):
    time.sleep(0.02)
    return dict(square=np.array(row * row))
scanning.scan(read, 600, scanning.Path(sys.argv[1]), None)
"""


def test_a_killed_scan_continues(pieces, tmp_path):
    folder = tmp_path / 'pieces'
    with subprocess.Popen([sys.executable, '-c', SLOW, str(folder)], stderr=subprocess.DEVNULL) as process:
        while len(list(folder.glob('0*.npz'))) < 4:
            assert process.poll() is None
            time.sleep(0.02)
        children = Path(f'/proc/{process.pid}/task/{process.pid}/children').read_text().split()
        process.send_signal(signal.SIGKILL)
    assert len(children) == 3
    end = time.monotonic() + 60
    while any(Path(f'/proc/{child}').exists() for child in children) and time.monotonic() < end:
        time.sleep(0.05)
    kept = sorted(10 * int(path.stem) + row for path in folder.glob('0*.npz') for row in range(10))
    assert 40 <= len(kept) < 600, 'its processes have ended too'
    columns = scan(partial(read_row, str(tmp_path / 'log')), 600, folder, never)
    assert columns['square'].tolist() == [row * row for row in range(600)]
    assert rows_read(tmp_path / 'log') == sorted(set(range(600)) - set(kept)), 'what was read is not read again'
