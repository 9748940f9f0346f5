"""Start of the processes of one machine by torchrun, with one line at the end instead of its report.

python -m handkd.launching [options of torchrun] SCRIPT [options of the script]
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Mapping

from torch.distributed import run
from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure

from .apis.cli import resume_command
from .exits import CTRL_C_STATUS, PEER_STATUS, RESUME_STATUS

_ENDED_WITH_OTHERS = (PEER_STATUS, -signal.SIGTERM)
"""Statuses of processes that end because another one has ended."""


def main(argv: list[str]) -> int:
    """Run a script in several processes, and print which of them ended them all, if one did.

    Args:
        argv: The arguments of torchrun.

    Returns:
        The exit status: that of the process that failed first, 128 plus the number of the signal that killed it, or
        that of a training that a signal has ended.
    """
    for name in ('elastic.multiprocessing.api', 'elastic.agent.server.api'):
        logging.getLogger(f'torch.distributed.{name}').setLevel(logging.CRITICAL)
    try:
        run.run(run.parse_args(argv))
    except SignalException as end:  # the processes have been told, and have saved
        return CTRL_C_STATUS if end.sigval == signal.SIGINT else RESUME_STATUS
    except ChildFailedError as error:
        rank, failure = first_failure(error.failures)
        status = failure.exitcode
        if status not in (RESUME_STATUS, CTRL_C_STATUS):
            print(describe(rank, status), file=sys.stderr)
        return 128 - status if status < 0 else status
    return 0


def first_failure(failures: Mapping[int, ProcessFailure]) -> tuple[int, ProcessFailure]:
    """Return the number of the process that ended the others, and its failure.

    Args:
        failures: Failure of each process by its number.
    """
    causes = {rank: failure for rank, failure in failures.items() if failure.exitcode not in _ENDED_WITH_OTHERS}
    return min((causes or failures).items(), key=lambda item: item[1].timestamp)


def describe(rank: int, status: int) -> str:
    """Return the line about the process that ended the others, with the command that resumes a training.

    Args:
        rank: Its number.
        status: Its exit status, or minus the number of the signal that killed it.
    """
    if status < 0:
        why = f'was killed by {signal.Signals(-status).name}'
        if status == -signal.SIGKILL:
            why += ', as the system does when memory runs out (see dmesg)'
    else:
        why = f'failed with status {status}; its message is above'
    line = f'error: process {rank} {why}, and the other processes were ended'
    if 'HANDKD_COMMAND' in os.environ:  # of a training
        line += f'; to resume from the last checkpoint: {resume_command(sys.orig_argv)}'
    return line


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
