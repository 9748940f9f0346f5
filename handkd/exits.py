"""Exit statuses of the tools, and the end of a training by a signal."""

from __future__ import annotations

import signal

__all__ = ['CTRL_C_STATUS', 'PEER_STATUS', 'RESUME_STATUS', 'Interruption']

RESUME_STATUS = 75
"""Exit status of a training that was ended by a signal and should be resumed (``EX_TEMPFAIL`` of sysexits.h)."""
PEER_STATUS = 69
"""Exit status of a process that ends because another one of its job has ended (``EX_UNAVAILABLE``)."""
CTRL_C_STATUS = 130
"""Exit status after Ctrl-C, which a script should not answer by resuming."""


class Interruption(SystemExit):
    """End of a training by a signal, after saving.

    Args:
        number: The signal.
        done: Text about the run's progress and checkpoint. Defaults to '': the training has not begun.
    """

    def __init__(self, number: int, done: str = '') -> None:
        super().__init__(CTRL_C_STATUS if number == signal.SIGINT else RESUME_STATUS)
        self.text = f'ended by {signal.Signals(number).name}' + (f' {done}' if done else '')

    def __str__(self) -> str:
        return self.text
