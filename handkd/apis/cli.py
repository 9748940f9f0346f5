"""Common base of the command-line tools: errors in one line, and places for results, without torch and MMEngine."""

from __future__ import annotations

import os
import select
import shlex
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import dropwhile
from pathlib import Path
from typing import NoReturn

from handkd.compat import missing_package
from handkd.exits import CTRL_C_STATUS, Interruption

from .peers import end_without_peer, explain_unused, is_peer_lost
from .worker_errors import explain_worker, silence_unraisable_worker_errors


def run_cli(main: Callable[[list[str] | None], int | None], argv: list[str] | None = None) -> None:
    """Run a tool and exit; an error about the user's input becomes one line instead of a traceback.

    Args:
        main: The tool; takes the arguments and returns an exit status.
        argv: The arguments. Defaults to None: those of the process. ``HANDKD_TRACEBACK=1`` in the environment shows
            tracebacks.

    Errors about the user's input are every ValueError and OSError, the end of a process that loads or packs data
    (:func:`~.worker_errors.explain_worker`), and what :func:`~handkd.build_errors.explain` finds to be about the
    config; all others are faults of the program and end in a traceback. For a missing OpenMMLab package or OpenCV the
    line has pip's command, and the status is 1. A training that a signal ends exits with the status of its
    :class:`~handkd.engine.Interruption`, and one line says how to resume it.
    """
    silence_unraisable_worker_errors()
    try:
        sys.exit(main(argv) or 0)
    except (KeyboardInterrupt, Interruption) as end:
        _end(end)
    except Exception as error:
        if (end := _signal_behind(error)) is not None:
            _end(end)
        if isinstance(error, BrokenPipeError) and explain_worker(error) is None and _output_is_closed():
            sys.exit(1)
        if isinstance(error, ImportError) and (remedy := missing_package(error)) is not None:
            print(f'error: {remedy}', file=sys.stderr)
            sys.exit(1)
        if is_peer_lost(error) and os.environ.get('HANDKD_TRACEBACK') != '1':
            sys.exit(end_without_peer())
        with _without_child_signals():
            shown = error if isinstance(error, (ValueError, OSError)) else None
            shown = explain_worker(error) or explain_unused(error) or _explain(error) or shown
            if shown is None or os.environ.get('HANDKD_TRACEBACK') == '1':
                raise
            print(f'error: {_message(shown)}', file=sys.stderr)
            print('(HANDKD_TRACEBACK=1 shows where it was raised)', file=sys.stderr)
            sys.exit(2)


def _output_is_closed() -> bool:
    """Whether the reader of the standard output has ended, as ``head`` does; if so, nothing more is written to it."""
    if not hasattr(select, 'poll'):  # Windows
        return False
    poll = select.poll()
    poll.register(1, select.POLLOUT)
    closed = any(event & select.POLLERR for _, event in poll.poll(0))
    if closed:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return closed


def _explain(error: Exception) -> ValueError | None:
    """Return the ConfigError for an error that a config causes, or None; without MMEngine there is no config."""
    if 'mmengine' not in sys.modules:
        return None
    from handkd.build_errors import explain

    return explain(error)


@contextmanager
def _without_child_signals() -> Iterator[None]:
    """Let no signal of a dead child through: PyTorch's handler raises an error of its own wherever it interrupts."""
    if not hasattr(signal, 'SIGCHLD') or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGCHLD, before)


def _end(end: KeyboardInterrupt | Interruption) -> NoReturn:
    """Exit with the status of a signal, and print how to resume."""
    if isinstance(end, Interruption):
        from mmengine.dist import is_main_process  # a training has imported it

        if is_main_process():
            print(f'{end}; to resume: {resume_command(sys.orig_argv)}', file=sys.stderr)
        raise end
    print(
        '\ninterrupted; every file that was written is complete (train resumes from there with --resume, stages and '
        'pack without any option)',
        file=sys.stderr,
    )
    sys.exit(CTRL_C_STATUS)


def _signal_behind(error: BaseException | None) -> KeyboardInterrupt | Interruption | None:
    """Return the exception of a signal that another error replaced: MMEngine's bare ``except:`` blames the config."""
    while error is not None and not isinstance(error, (KeyboardInterrupt, Interruption)):
        error = error.__cause__ or error.__context__
    return error


def resume_command(words: Sequence[str]) -> str:
    """Return the command that resumes an interrupted run, as a line for a shell.

    Args:
        words: The words of the run's command, with Python as the first. Those of a launcher are in
            ``HANDKD_COMMAND`` in the environment, where ``tools/*.sh`` put them.
    """
    launched = os.environ.get('HANDKD_COMMAND')
    words = shlex.split(launched) if launched else list(words)
    if _program(words) in ('stages.py', 'handkd stages'):  # it resumes by itself
        return shlex.join(words)
    for i, word in enumerate(words):
        if word == '--resume' or word.startswith('--resume='):
            end = i + 2 if word == '--resume' and words[i + 1 : i + 2] and not words[i + 1].startswith('-') else i + 1
            words = [*words[:i], *words[end:]]
            break
    return shlex.join([*words, '--resume'])


def _program(words: Sequence[str]) -> str:
    """Return the tool in a command: the name of its script, or 'handkd' with the subcommand."""
    after_python = dropwhile(lambda word: word.startswith('-'), words[1:])
    script, *rest = [Path(word).name for word in after_python] or ['']
    return ' '.join([script, *rest[:1]]) if script == 'handkd' else script


def _message(error: Exception) -> str:
    """Return an error's message; for an error in a data loader's worker, which has a traceback, its last line."""
    text = str(error).strip()
    return text.splitlines()[-1].partition(': ')[2] if 'Original Traceback' in text else text


def prepare_work_dir(path: str | Path, option: str = '--work-dir') -> Path:
    """Make a folder for results and check that it is writable.

    Args:
        path: The folder.
        option: The option that the error's remedy names. Defaults to '--work-dir'.

    Raises:
        OSError: If it is not; names the folder and the remedy.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise OSError(
            error.errno,
            f'{error.strerror}: results can not be written to it; name another folder with {option}',
            str(path),
        ) from error
    return path


def prepare_file(path: str | Path, option: str) -> Path:
    """Check, before anything is computed, that a file of results can be written, and make its folder.

    Args:
        path: The file.
        option: The option that named it, for the error.

    Returns:
        The path.

    Raises:
        OSError: If it is a folder, or its folder is not writable; names it and the option.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f'{option}: {path} is a folder: name a file')
    prepare_work_dir(path.parent, option)
    return path
