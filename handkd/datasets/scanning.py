"""Reading hundreds of thousands of small label files once: in several processes, with progress, resumable."""

from __future__ import annotations

import io
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from handkd.array_files import read_npz
from handkd.files import write_atomically

PIECE = 256
"""Number of rows that are read and kept together; a process outlives its parent by at most one piece."""
FEW = 1000
"""Up to this number of rows are read in the calling process and stored nowhere: that takes seconds."""
MAX_PROCESSES = 16
"""Largest number of processes: with more, the disk decides."""

_ROW, _FAULT_ROW, _FAULT = '_row', '_fault_row', '_fault'

Row = Mapping[str, np.ndarray]
"""Columns of one row by name: arrays of any shape, unit and frame, the same in all rows."""


def scan(
    read: Callable[[int], Row],
    count: int,
    folder: Path,
    failed: Callable[[int, Exception], None],
    desc: str = 'reading labels, once',
) -> dict[str, np.ndarray]:
    """Read rows 0 to ``count`` - 1, each from a file of its own, and return the columns.

    The rows are read in pieces of :data:`PIECE`, which are stored in a folder as they are finished: after an
    interruption or a kill, the next call reads the other pieces only. A piece with a faulty row is read again. Up to
    :data:`FEW` rows are read in this process. Memory grows with the columns, not with the files.

    Args:
        read: Reads a row; it must be a function of a module, or a partial of one. Raises a ValueError or OSError if
            the row is damaged.
        count: Number of rows.
        folder: Folder of the finished pieces, of these files and settings only; see :func:`~.index.open_index`.
        failed: Called in this process with the number and the error of each damaged row; may raise it.
        desc: Text of the progress bar. Defaults to 'reading labels, once'.

    Returns:
        The columns of ``read`` with a first axis over the sound rows, in order, and 'row', their numbers, shape (M,),
        int64.

    Raises:
        ChildProcessError: If a process was killed, as when memory runs out; the finished pieces are kept.
        OSError: If a piece can't be written, such as on a full disk.
        Exception: Whatever ``failed`` raises, or ``read``, other than those two.
    """
    if count <= FEW:
        piece = _read_piece(read, range(count))
        _report(piece, failed)
        return _join([piece])
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob('*-faulty.npz'):
        stale.unlink()
    files = {number: folder / f'{number:06d}.npz' for number in range(-(-count // PIECE))}
    missing = [number for number, file in files.items() if not file.exists()]
    processes = min(
        MAX_PROCESSES, len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else 4, len(missing)
    )
    alone = processes < 2 or multiprocessing.current_process().daemon  # a data worker may not have children
    make = _make_here if alone else partial(_make_in_processes, processes)
    known = count - sum(len(_rows(number, count)) for number in missing)
    with tqdm(total=count, initial=known, desc=desc) as bar, closing(make(_Job(read, count, folder), missing)) as made:
        for number in made:
            faulty = _faulty(folder, number)
            if faulty.exists():
                files[number] = faulty
                _report(read_npz(faulty), failed)
            bar.update(len(_rows(number, count)))
    return _join(read_npz(file) for file in files.values())


class _Job(NamedTuple):
    """Arguments of a scan that its processes need."""

    read: Callable[[int], Row]
    count: int
    folder: Path


def _rows(number: int, count: int) -> range:
    """Return the rows of a piece."""
    return range(number * PIECE, min((number + 1) * PIECE, count))


def _faulty(folder: Path, number: int) -> Path:
    """Return the file of a piece with damaged rows, which the next scan reads again."""
    return folder / f'{number:06d}-faulty.npz'


def _read_piece(read: Callable[[int], Row], rows: Sequence[int]) -> dict[str, np.ndarray]:
    """Return the columns of some rows, and the damaged rows with their errors."""
    sound, found, faults = [], [], []
    for row in rows:
        try:
            found.append(read(row))
            sound.append(row)
        except (ValueError, OSError) as error:
            kind = 'OSError' if isinstance(error, OSError) else 'ValueError'
            faults.append((row, f'{kind}: {error}'))
    columns = {name: np.stack([row[name] for row in found]) for name in found[0]} if found else {}
    columns[_ROW] = np.array(sound, np.int64)
    columns[_FAULT_ROW] = np.array([row for row, _ in faults], np.int64)
    columns[_FAULT] = np.array([text for _, text in faults], str)
    return columns


def _write_piece(job: _Job, number: int) -> None:
    """Read a piece and store it."""
    columns = _read_piece(job.read, _rows(number, job.count))
    content = io.BytesIO()
    np.savez(content, **columns)
    name = _faulty(job.folder, number) if len(columns[_FAULT_ROW]) else job.folder / f'{number:06d}.npz'
    write_atomically(name, content.getvalue())


def _make_here(job: _Job, missing: Sequence[int]) -> Iterator[int]:
    """Make pieces in this process, and yield the number of each when it is finished."""
    for number in missing:
        _write_piece(job, number)
        yield number


def _make_in_processes(processes: int, job: _Job, missing: Sequence[int]) -> Iterator[int]:
    """Make pieces in several processes, and yield the number of each when it is finished."""
    context = multiprocessing.get_context('fork' if sys.platform == 'linux' else None)
    running: dict[Connection, BaseProcess] = {}
    try:
        for share in (missing[i::processes] for i in range(processes)):
            here, there = context.Pipe(duplex=False)
            process = context.Process(target=_work, args=(job, share, there, os.getpid()), daemon=True)
            process.start()
            there.close()
            running[here] = process
        while running:
            for here in wait(list(running)):
                yield from _receive(here, running, job.folder)
    finally:
        for process in running.values():
            process.terminate()
            process.join()


def _receive(here: Connection, running: dict[Connection, BaseProcess], folder: Path) -> Iterator[int]:
    """Yield the piece that a process has finished; raise its error, or remove it if it has ended."""
    try:
        message = here.recv()
    except EOFError:
        process = running.pop(here)
        process.join()
        if process.exitcode:
            raise ChildProcessError(
                f'a process that reads labels ended with code {process.exitcode}, as when the system kills it because '
                f'memory runs out: what was read is kept in {str(folder)!r}; run again to continue'
            ) from None
        return
    if isinstance(message, Exception):
        raise message
    yield message


def _work(job: _Job, share: Sequence[int], there: Connection, parent: int) -> None:
    """Write pieces in a process of its own, which ends after its parent; sends their numbers, or an error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C, and ends this process
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        for number in share:
            if os.getppid() != parent:
                return
            _write_piece(job, number)
            there.send(number)
    except BrokenPipeError:
        return
    except Exception as error:
        there.send(error)


def _report(piece: Mapping[str, np.ndarray], failed: Callable[[int, Exception], None]) -> None:
    """Report the damaged rows of a piece."""
    for row, fault in zip(piece[_FAULT_ROW].tolist(), piece[_FAULT].tolist()):
        kind, _, text = fault.partition(': ')
        failed(row, OSError(text) if kind == 'OSError' else ValueError(text))


def _join(pieces: Iterator[dict[str, np.ndarray]] | Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Return the columns of all pieces, in order."""
    parts: dict[str, list[np.ndarray]] = {}
    for piece in pieces:
        for name in set(piece) - {_FAULT_ROW, _FAULT}:
            parts.setdefault(name, []).append(piece[name])
    columns = {name: np.concatenate(parts.pop(name)) for name in list(parts)}
    return {'row': columns.pop(_ROW), **columns}
