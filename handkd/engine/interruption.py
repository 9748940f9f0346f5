"""Ending a training on a signal: at the end of a step, with a checkpoint from which it goes on."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from mmengine.dist import all_reduce, is_distributed
from mmengine.hooks import Hook
from mmengine.runner import BaseLoop

from .checkpoints import LAST, save_step

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
"""What ends a training: Ctrl-C, what ends processes, and what Slurm sends ahead of the end (``--signal=USR1@120``)."""
RESUME_STATUS = 75
"""Exit status of a training that a signal ended, and that is to be resumed (``EX_TEMPFAIL`` of sysexits.h)."""
CTRL_C_STATUS = 130
"""The same where it was Ctrl-C: whoever pressed it does not want a script to resume."""


class Interruption(SystemExit):
    """A training that a signal has ended; what it had learnt is saved.

    Args:
        number: The signal.
        done: What the run has done. Defaults to '': it has not begun.
    """

    def __init__(self, number: int, done: str = '') -> None:
        super().__init__(CTRL_C_STATUS if number == signal.SIGINT else RESUME_STATUS)
        self.text = f'ended by {signal.Signals(number).name}' + (f' {done}' if done else '')

    def __str__(self) -> str:
        return self.text


class StopSignals:
    """Hears the signals that end a training.

    Attributes:
        heard: Number of the signal that has come, or None.
        patient: Whether a signal is only kept in mind, since a step is running; else it ends all at once.
    """

    def __init__(self) -> None:
        self.heard: int | None = None
        self.patient = False

    def hear(self, number: int, frame: object = None) -> None:
        """Take a signal; a second Ctrl-C ends all at once.

        Raises:
            KeyboardInterrupt: On Ctrl-C outside steps, or the second one.
            Interruption: On another signal outside steps.
        """
        again, self.heard = self.heard is not None, number if self.heard is None else self.heard
        if number == signal.SIGINT and (again or not self.patient):
            raise KeyboardInterrupt
        if not self.patient:
            raise Interruption(number)
        if not again:  # print could meet itself here
            text = f'\n{signal.Signals(number).name}: ending after this step; Ctrl-C (again) ends at once\n'
            os.write(2, text.encode())

    def check(self) -> None:
        """End here if a signal has come.

        Raises:
            Interruption: If so.
        """
        if self.heard is not None:
            raise Interruption(self.heard)


_active: list[StopSignals] = []
"""That of the outermost :func:`stop_signals`; signals are a process's, so there is one."""


@contextmanager
def stop_signals() -> Iterator[StopSignals]:
    """Hear the signals that end a training; inside another such context it is that one's.

    What was ignored before (``nohup``, jobs in the background) stays ignored. In other threads than the first, where
    Python takes no signals, none is heard.
    """
    if _active:
        yield _active[0]
        return
    stop = StopSignals()
    before = {}
    _active.append(stop)
    try:
        if threading.current_thread() is threading.main_thread():
            heeded = [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
            before = {number: signal.signal(number, stop.hear) for number in heeded}
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _active.clear()


def _forget() -> None:
    """Let a process that was forked take signals as it would have without us: its parent ends it."""
    if _active:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        _active.clear()


os.register_at_fork(after_in_child=_forget)


def outlive_signals() -> None:
    """Let a data loader's worker go on when its whole group is told to end: the last step needs its samples.

    ``timeout``, Slurm and a terminal's Ctrl-C signal all processes. The parent ends its workers itself, by SIGTERM too,
    which is therefore heeded if it comes from there; and a worker whose parent is gone ends by itself.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # in this thread and those that it starts
    threading.Thread(target=_heed_parent, daemon=True).start()


def _heed_parent() -> None:
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != os.getppid():
        pass
    os._exit(0)


class InterruptionHook(Hook):
    """Ends a training at the end of the step in which a signal came, with a checkpoint of it.

    All processes of a distributed run end at the same step, whichever was told. A validation that is due is done
    first, since a resumed run would not make up for it; the step is saved before it. A run that counts epochs can be
    resumed only at the end of one, so it ends at once and goes on from the last one.

    Args:
        stop: Where signals are heard.
        by_epoch: Whether the run counts epochs.
    """

    priority = 'LOWEST'

    def __init__(self, stop: StopSignals, by_epoch: bool) -> None:
        self.stop, self.by_epoch = stop, by_epoch

    def before_train(self, runner) -> None:
        """Let signals wait for the end of a step from here on."""
        self.stop.patient = True

    def after_train(self, runner) -> None:
        """Let them end what follows at once."""
        self.stop.patient = False

    def after_train_iter(
        self, runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        """Save and end if a signal has come.

        Raises:
            Interruption: If so.
        """
        if not self._told():
            return
        loop = runner.train_loop
        if self.by_epoch:
            if batch_idx + 1 < len(loop.dataloader):
                raise self._end(runner, f'in epoch {runner.epoch + 1}, of which nothing is saved')
            return
        step = runner.iter + 1
        if step >= loop.max_iters or loop.stop_training:
            return  # it ends by itself
        save_step(runner, False, step, dict(epoch=runner.epoch, iter=step))
        if not _validates(runner, loop, step):
            raise self._end(runner, f'after step {step}')

    def after_train_epoch(self, runner) -> None:
        """The same at the end of an epoch."""
        loop, epoch = runner.train_loop, runner.epoch + 1
        if not self.by_epoch or not self._told() or epoch >= loop.max_epochs or loop.stop_training:
            return
        save_step(runner, True, epoch, dict(epoch=epoch, iter=runner.iter))
        if not _validates(runner, loop, epoch):
            raise self._end(runner, f'after epoch {epoch}')

    def after_val_epoch(self, runner, metrics: dict | None = None) -> None:
        """The same after a validation."""
        loop, done = runner.train_loop, runner.epoch if self.by_epoch else runner.iter
        if not self._told() or done >= (loop.max_epochs if self.by_epoch else loop.max_iters) or loop.stop_training:
            return
        save_step(runner, self.by_epoch, done, dict(epoch=runner.epoch, iter=runner.iter), again=True)
        raise self._end(runner, f'after {"epoch" if self.by_epoch else "step"} {done}')

    def _told(self) -> bool:
        """Whether any process has been told to end; the same answer in all of them."""
        heard = torch.tensor(self.stop.heard or 0)
        if is_distributed():
            all_reduce(heard, 'max')
        if heard:
            self.stop.heard = int(heard)
        return bool(heard)

    def _end(self, runner, when: str) -> Interruption:
        """The end of the run."""
        pointer = Path(runner.work_dir) / LAST
        saved = f'; {pointer.read_text().strip()} is saved' if pointer.is_file() else '; no checkpoint is saved'
        return Interruption(self.stop.heard, when + saved)


def _validates(runner, loop: BaseLoop, done: int) -> bool:
    """Whether a validation is due after so many epochs or steps, none of which is the last one."""
    return runner.val_loop is not None and done >= loop.val_begin and done % loop.val_interval == 0
