"""Common base of the command-line tools: options, the config built from them, and errors in one line."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import torch
from mmengine.config import Config, DictAction
from mmengine.dist import is_main_process

from handkd.baseline import derived_config
from handkd.build_errors import explain
from handkd.config import load_config
from handkd.exits import CTRL_C_STATUS, Interruption

from .option_values import holds_dicts, read_value
from .worker_errors import explain_worker, silence_unraisable_worker_errors


def run_cli(main: Callable[[list[str] | None], int | None], argv: list[str] | None = None) -> None:
    """Run a tool and exit; an error about the user's input becomes one line instead of a traceback.

    Args:
        main: The tool; takes the arguments and returns an exit status.
        argv: The arguments. Defaults to None: those of the process. ``HANDKD_TRACEBACK=1`` in the environment shows
            tracebacks.

    Errors about the user's input are every ValueError and OSError, the end of a process that loads or packs data
    (:func:`~.worker_errors.explain_worker`), and what :func:`~handkd.build_errors.explain` finds to be about the
    config; all others are faults of the program and end in a traceback. A training that a signal ends exits with the
    status of its :class:`~handkd.engine.Interruption`, and one line says how to resume it.
    """
    silence_unraisable_worker_errors()
    try:
        sys.exit(main(argv) or 0)
    except (KeyboardInterrupt, Interruption) as end:
        _end(end)
    except Exception as error:
        if (end := _signal_behind(error)) is not None:
            _end(end)
        with _without_child_signals():
            shown = error if isinstance(error, (ValueError, OSError)) else None
            shown = explain_worker(error) or explain(error) or shown
            if shown is None or os.environ.get('HANDKD_TRACEBACK') == '1':
                raise
            print(f'error: {_message(shown)}', file=sys.stderr)
            print('(HANDKD_TRACEBACK=1 shows where it was raised)', file=sys.stderr)
            sys.exit(2)


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
        if is_main_process():
            print(f'{end}; to resume: {resume_command(sys.argv)}', file=sys.stderr)
        raise end
    print(
        '\ninterrupted; every file that was written is complete (train.py resumes from there with --resume, stages.py '
        'and pack_dataset.py without any option)',
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
        words: The words of the run's command after Python. Those of a launcher are in ``HANDKD_COMMAND`` in the
            environment, where ``tools/*.sh`` put them.
    """
    launched = os.environ.get('HANDKD_COMMAND')
    words = shlex.split(launched) if launched else [sys.executable, *words]
    if any(Path(word).name == 'stages.py' for word in words[:2]):  # it resumes by itself
        return shlex.join(words)
    for i, word in enumerate(words):
        if word == '--resume' or word.startswith('--resume='):
            end = i + 2 if word == '--resume' and words[i + 1 : i + 2] and not words[i + 1].startswith('-') else i + 1
            words = [*words[:i], *words[end:]]
            break
    return shlex.join([*words, '--resume'])


def _message(error: Exception) -> str:
    """Return an error's message; for an error in a data loader's worker, which has a traceback, its last line."""
    text = str(error).strip()
    return text.splitlines()[-1].partition(': ')[2] if 'Original Traceback' in text else text


class OptionsAction(DictAction):
    """MMEngine's ``--cfg-options key=value``, extended by values that are dicts.

    These are written as in a config file (:func:`~.option_values.read_value`); an unreadable value is an error in one
    line.
    """

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: list[str],
        option_string: str | None = None,
    ) -> None:
        """Store the options as a dict, in their order."""
        for value in values:
            key, equals, text = value.partition('=')
            if not equals:
                parser.error(f'{option_string} takes KEY=VALUE, found {value!r}')
            try:
                if holds_dicts(text):
                    options = getattr(namespace, self.dest, None) or {}
                    setattr(namespace, self.dest, {**options, key: read_value(text)})
                else:
                    super().__call__(parser, namespace, [value], option_string)
            except (ValueError, AssertionError, RecursionError) as error:  # MMEngine's reader asserts
                parser.error(f'{option_string} {key}: {error}; or write it in your own config file')


def add_derivation_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--baseline`` and ``--teacher``, which derive another run from a config with teachers."""
    derived = parser.add_mutually_exclusive_group()
    derived.add_argument(
        '--baseline', action='store_true', help='the same student, data and schedule without teachers and distillers'
    )
    derived.add_argument(
        '--teacher', metavar='NAME', help="this network of the config's model.teachers, on its inputs alone"
    )


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add the options common to ``train.py`` and ``test.py``; the names are MMPose's."""
    parser.add_argument(
        '--work-dir',
        help='where logs and checkpoints go; default: work_dirs/<config name>, with _baseline for --baseline and '
        '_NAME for --teacher NAME',
    )
    add_derivation_options(parser)
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=OptionsAction,
        metavar='KEY=VALUE',
        help='overrides entries of the config, such as model.head.beta=1.0 train_cfg.max_iters=100',
    )
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none', help='job launcher')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)


def config_from_args(args: argparse.Namespace) -> Config:
    """Load and check the config given by the options of :func:`add_run_options`, and create its work dir."""
    if 'LOCAL_RANK' not in os.environ:
        os.environ['LOCAL_RANK'] = str(args.local_rank)
    cfg = derived_config(load_config(args.config, args.cfg_options), args.baseline, args.teacher)
    suffix = 'baseline' if args.baseline else args.teacher
    name = Path(args.config).stem if suffix is None else f'{Path(args.config).stem}_{suffix}'
    cfg.launcher = args.launcher
    if args.launcher == 'pytorch' and not torch.cuda.is_available():
        join_cpu_processes(cfg)
    cfg.work_dir = str(prepare_work_dir(args.work_dir or cfg.get('work_dir') or f'work_dirs/{name}'))
    return cfg


def join_cpu_processes(cfg: Config) -> None:
    """Set up distributed training on CPUs: MMEngine would assume GPUs and choose a device for each process."""
    torch.distributed.init_process_group('gloo')
    cfg.model_wrapper_cfg = dict(type='MMDistributedDataParallel', broadcast_buffers=False, device_ids=None)


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
