"""Processes that load or pack data and were killed: what happened, and what to do, in one line."""

from __future__ import annotations

import re
from concurrent.futures.process import BrokenProcessPool

_ENDED = re.compile(
    r'DataLoader worker \(pid\(?s?\)? ([\d, ]+)\) (?:is killed by signal: ([\w ]+)|exited unexpectedly)'
)
_NO_SHARED_MEMORY = re.compile(
    r'unable to (?:write to file|open shared memory object|resize file|mmap \d+ bytes from file) <\S*>'
)
_SHARED = (
    'a process that loads data has no more shared memory (/dev/shm): mount more (docker --shm-size=8g), or set a '
    'smaller num_workers or batch_size in the dataloader'
)


def explain_worker(error: BaseException) -> OSError | None:
    """Return what an error says about the end of a process that loads or packs data, or None if it says nothing of it.

    Args:
        error: What PyTorch's data loader or a pool of processes raised.
    """
    if isinstance(error, BrokenProcessPool):
        return OSError(
            'a process that packs data was killed, as the system does where memory runs out: what is written is whole; '
            'run the same command again, with fewer --workers'
        )
    text = str(error)
    if not isinstance(error, RuntimeError):
        return None
    if _NO_SHARED_MEMORY.search(text):
        return OSError(_SHARED)
    match = _ENDED.search(text)
    if match is None:
        return None
    if match[2] == 'Bus error':
        return OSError(_SHARED)
    by = f'was ended by a signal ({match[2].strip()})' if match[2] else 'ended without an error of its own'
    return OSError(
        f'a process that loads data (pid {match[1]}) {by}, as the system does where memory runs out (see dmesg): set a '
        'smaller num_workers or batch_size in the dataloader; a training goes on from its last checkpoint with --resume'
    )
