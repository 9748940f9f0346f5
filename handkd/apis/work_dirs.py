"""Lock of a work dir, which one training at a time may use."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.logging import print_log

from handkd.engine import LAST
from handkd.files import remove_leftovers

LOCK = 'run.lock'
"""File in a work dir that a running training locks; its text names the process."""
_RANKS = {'pytorch': 'RANK', 'slurm': 'SLURM_PROCID', 'mpi': 'OMPI_COMM_WORLD_RANK'}
"""Launcher -> environment variable with the number of the process, which torch does not know yet."""
_held: set[Path] = set()


@contextmanager
def hold_work_dir(folder: str | Path, launcher: str = 'none') -> Iterator[None]:
    """Keep other trainings out of a work dir, and remove the incomplete files of a killed one.

    The lock ends with this process, however that ends, and is not inherited by its child processes. Of a distributed
    training the first process holds it. On a file system without locks (some NFS) a warning is logged, and no lock is
    held.

    Args:
        folder: The work dir; it is made.
        launcher: That of the config. Defaults to 'none'.

    Raises:
        OSError: If another training is running in it, which is named; or if it can't be written.
    """
    folder = Path(folder).resolve()
    if folder in _held or os.environ.get(_RANKS.get(launcher, ''), '0') != '0':
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    # Not flock: its locks live on in data loaders' workers, which outlive a killed parent. These belong to the process,
    # and end when it closes the file for the first time.
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)  # a link's target would be emptied
    try:
        _lock(handle, folder)
        _held.add(folder)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f'{os.getpid()} on {socket.gethostname()}\n'.encode(), 0)
        remove_leftovers(folder, '*.pth', LAST, 'stage.json')
        yield
        os.ftruncate(handle, 0)
    finally:
        _held.discard(folder)
        os.close(handle)


def _lock(handle: int, folder: Path) -> None:
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN):
            owner = os.pread(handle, 1000, 0).decode(errors='replace').strip() or 'another one'
            raise OSError(
                f'{folder}: another training, process {owner}, is running in this folder; wait for its end, or name '
                'another folder with --work-dir'
            ) from None
        print_log(
            f'{folder} can not be locked ({error.strerror}): make sure that no other training is running in it',
            'current',
            logging.WARNING,
        )
