"""Errors of killed processes that load or pack data, with cause and remedy in one line."""

from __future__ import annotations

import re
import sys
import traceback
from concurrent.futures.process import BrokenProcessPool

_ENDED = re.compile(
    r'DataLoader worker \(pid\(?s?\)? ([\d, ]+)\) (?:is killed by signal: ([\w ]+)|exited unexpectedly)'
)
_NO_SHARED_MEMORY = re.compile(
    r'unable to (?:write to file|open shared memory object|resize file|mmap \d+ bytes from file) <\S*>'
)
_REMEDY = (
    ', as the system does when memory runs out (see dmesg): set a smaller num_workers or batch_size in the dataloader; '
    'resume a training from its last checkpoint with --resume'
)
_SHARED = (
    'a process that loads data ran out of shared memory (/dev/shm): mount more (docker --shm-size=8g), or set a '
    'smaller num_workers or batch_size in the dataloader'
)


def explain_worker(error: BaseException) -> OSError | None:
    """Return the error to show for the end of a process that loads or packs data, or None for any other error.

    Args:
        error: The exception of PyTorch's data loader or of a pool of processes.
    """
    if isinstance(error, BrokenProcessPool):
        return OSError(
            'a process that packs data was killed, as the system does when memory runs out: finished shards are kept; '
            'run the same command again, with fewer --workers'
        )
    text = str(error)
    if isinstance(error, (ConnectionError, EOFError)) and _takes_over(error):
        return OSError(f'a process that loads data was ended before its samples were taken over{_REMEDY}')
    if not isinstance(error, RuntimeError):
        return None
    if _NO_SHARED_MEMORY.search(text):
        return OSError(_SHARED)
    match = _ENDED.search(text)
    if match is None:
        return None
    if match[2] == 'Bus error':
        return OSError(_SHARED)
    by = f'was ended by a signal ({match[2].strip()})' if match[2] else 'ended without an error'
    return OSError(f'a process that loads data (pid {match[1]}) {by}{_REMEDY}')


def silence_unraisable_worker_errors() -> None:
    """Drop the end of a process that loads data where Python could only print it, as in the ``__del__`` of a loader.

    PyTorch's signal handler raises its error wherever it interrupts the program, so the same end can also be raised
    while the first error about it is on its way. All other errors go to the hook that was set before.
    """
    before = sys.unraisablehook
    if getattr(before, 'drops_worker_errors', False):
        return

    def hook(unraisable: sys.UnraisableHookArgs, /) -> None:
        if unraisable.exc_value is None or explain_worker(unraisable.exc_value) is None:
            before(unraisable)

    hook.drops_worker_errors = True
    sys.unraisablehook = hook


def _takes_over(error: BaseException) -> bool:
    """Whether an error was raised where PyTorch takes over what another process shares, which fails if that is dead."""
    files = (frame.f_code.co_filename for frame, _ in traceback.walk_tb(error.__traceback__))
    return any(file.endswith('torch/multiprocessing/reductions.py') for file in files)
