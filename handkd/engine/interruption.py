"""Ending a training on a signal: at the end of a step, with a checkpoint from which it can be resumed."""

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
from mmengine.runner import BaseLoop, Runner

from handkd.exits import Interruption

from .checkpoints import LAST, save_step

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
"""Signals that end a training: Ctrl-C, the usual one to end a process, and Slurm's before its time limit
(``--signal=USR1@120``)."""


class StopSignals:
    """Handler of the signals that end a training.

    Attributes:
        heard: Number of the received signal, or None.
        patient: Whether a signal is only recorded, because a step is running; otherwise it ends the process at once.
    """

    def __init__(self) -> None:
        self.heard: int | None = None
        self.patient = False

    def hear(self, number: int, frame: object = None) -> None:
        """Handle a signal; a second Ctrl-C ends the process at once.

        Raises:
            KeyboardInterrupt: On Ctrl-C outside steps, or the second one.
            Interruption: On another signal outside steps.
        """
        again, self.heard = self.heard is not None, number if self.heard is None else self.heard
        if number == signal.SIGINT and (again or not self.patient):
            raise KeyboardInterrupt
        if not self.patient:
            raise Interruption(number)
        if not again:  # not print, which is not reentrant
            text = f'\n{signal.Signals(number).name}: ending after this step; Ctrl-C (again) ends at once\n'
            os.write(2, text.encode())

    def check(self) -> None:
        """End here if a signal was received.

        Raises:
            Interruption: If so.
        """
        if self.heard is not None:
            raise Interruption(self.heard)


_active: list[StopSignals] = []
"""Handler of the outermost :func:`stop_signals`; signals are per process, so there is at most one."""


@contextmanager
def stop_signals() -> Iterator[StopSignals]:
    """Handle the signals that end a training; a nested context shares the handler of the outer one.

    Signals that were ignored before (``nohup``, background jobs) stay ignored. In threads other than the main one,
    where Python handles no signals, none is handled.
    """
    if _active:
        yield _active[0]
        return
    stop = StopSignals()
    before = {}
    _active.append(stop)
    try:
        if threading.current_thread() is threading.main_thread():
            handled = [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
            before = {number: signal.signal(number, stop.hear) for number in handled}
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _active.clear()


def _forget() -> None:
    """Reset the signal handlers in a forked process, which its parent ends."""
    if _active:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        _active.clear()


os.register_at_fork(after_in_child=_forget)


def outlive_signals() -> None:
    """Keep a data loader's worker running when its process group is signalled: the last step needs its samples.

    ``timeout``, Slurm and a terminal's Ctrl-C signal all processes. The parent ends its workers itself, also by
    SIGTERM, which is therefore obeyed if the parent has sent it; and a worker whose parent has ended ends by itself.
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
    """Ends a training at the end of the step in which a signal was received, with a checkpoint of that step.

    All processes of a distributed run end at the same step, whichever received the signal. A validation that is due is
    done first, because a resumed run would not repeat it; the step is saved before it. A run that counts epochs can be
    resumed only at the end of one, so it ends at once and resumes from the last complete epoch.

    Args:
        stop: Handler of the signals.
        by_epoch: Whether the run counts epochs.
    """

    priority = 'LOWEST'

    def __init__(self, stop: StopSignals, by_epoch: bool) -> None:
        self.stop, self.by_epoch = stop, by_epoch

    def before_train(self, runner: Runner) -> None:
        """Defer signals to the end of a step from now on."""
        self.stop.patient = True

    def after_train(self, runner: Runner) -> None:
        """Let signals end the process at once again."""
        self.stop.patient = False

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        """Save and end if a signal was received.

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

    def after_train_epoch(self, runner: Runner) -> None:
        """Save and end at the end of an epoch if a signal was received.

        Raises:
            Interruption: If so.
        """
        loop, epoch = runner.train_loop, runner.epoch + 1
        if not self.by_epoch or not self._told() or epoch >= loop.max_epochs or loop.stop_training:
            return
        save_step(runner, True, epoch, dict(epoch=epoch, iter=runner.iter))
        if not _validates(runner, loop, epoch):
            raise self._end(runner, f'after epoch {epoch}')

    def after_val_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        """Save and end after a validation if a signal was received.

        Raises:
            Interruption: If so.
        """
        loop, done = runner.train_loop, runner.epoch if self.by_epoch else runner.iter
        if not self._told() or done >= (loop.max_epochs if self.by_epoch else loop.max_iters) or loop.stop_training:
            return
        save_step(runner, self.by_epoch, done, dict(epoch=runner.epoch, iter=runner.iter), again=True)
        raise self._end(runner, f'after {"epoch" if self.by_epoch else "step"} {done}')

    def _told(self) -> bool:
        """Whether any process has received a signal; the same answer in all processes."""
        heard = torch.tensor(self.stop.heard or 0)
        if is_distributed():
            all_reduce(heard, 'max')
        if heard:
            self.stop.heard = int(heard)
        return bool(heard)

    def _end(self, runner: Runner, when: str) -> Interruption:
        """Return the exception that ends the run."""
        pointer = Path(runner.work_dir) / LAST
        saved = f'; {pointer.read_text().strip()} is saved' if pointer.is_file() else '; no checkpoint is saved'
        return Interruption(self.stop.heard, when + saved)


def _validates(runner: Runner, loop: BaseLoop, done: int) -> bool:
    """Whether a validation is due after ``done`` epochs or steps, before the last one."""
    return runner.val_loop is not None and done >= loop.val_begin and done % loop.val_interval == 0
