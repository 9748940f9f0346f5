"""Errors of trainings on several processes that say nothing about their cause."""

from __future__ import annotations

import os
import sys

from handkd.exits import PEER_STATUS
from handkd.hints import ConfigError

_UNUSED = 'Expected to have finished reduction in the prior iteration'


def is_peer_lost(error: BaseException | None) -> bool:
    """Whether an error, or one that it replaced, is the end of another process with which this one communicates.

    Args:
        error: What was raised; None is no error.
    """
    distributed = sys.modules.get('torch.distributed')
    if distributed is None or not distributed.is_initialized():
        return False
    while error is not None:
        if isinstance(error, distributed.DistError) or isinstance(error, RuntimeError) and 'gloo/' in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def end_without_peer() -> int:
    """Return the exit status of a process that has lost another one; says so unless the launcher does."""
    if 'TORCHELASTIC_RUN_ID' not in os.environ:
        print('error: another process of this job has ended; its own message says why', file=sys.stderr)
    return PEER_STATUS


def explain_unused(error: BaseException) -> ConfigError | None:
    """Return the error to show if some weights had no gradient in a step of several processes, else None.

    Args:
        error: The exception of torch's ``DistributedDataParallel``.
    """
    if isinstance(error, RuntimeError) and _UNUSED in str(error):
        return ConfigError(
            'some weights of the model had no gradient in a step, which several processes must know in advance: set '
            'find_unused_parameters=True in the config, or remove these weights'
        )
    return None
