"""Computing beside others: what the numerical libraries are told before they are loaded, unless the user has told them.

The threads of GNU's OpenMP, in which torch computes on a CPU, wait for one another by spinning, up to 300,000 rounds.
On a free machine that is as fast as it gets; where another program holds one of the cores, the others burn their time
until the last thread has had its turn, and a step takes many times as long. Fewer rounds bridge the same short waits
between operators, and give the core away in the long ones (``tools/benchmark.py busy``).

The number of threads does not depend on how busy the machine is: it decides the order of sums, so that the same run
would have other results.
"""

from __future__ import annotations

import math
import os
from collections.abc import MutableMapping
from pathlib import Path

__all__ = ['share_cores']

SPIN_COUNT = 10000
"""Rounds that a waiting thread spins before it sleeps."""

CGROUPS = Path('/sys/fs/cgroup')


def share_cores(environ: MutableMapping[str, str] = os.environ, cgroups: Path = CGROUPS) -> None:
    """Set how OpenMP's threads wait, and how many there are where a container has less time than cores.

    Has an effect on libraries that are loaded later; importing handkd calls it. Whatever of ``GOMP_SPINCOUNT``,
    ``OMP_WAIT_POLICY`` and ``OMP_NUM_THREADS`` the user has set stays as it is.

    Args:
        environ: The environment; without it that of the process.
        cgroups: Where the kernel says what this container may use; without it ``/sys/fs/cgroup``.
    """
    if 'OMP_WAIT_POLICY' not in environ:
        environ.setdefault('GOMP_SPINCOUNT', str(SPIN_COUNT))
    limit = cpu_limit(cgroups)
    if limit is not None and limit < len(os.sched_getaffinity(0)):
        environ.setdefault('OMP_NUM_THREADS', str(limit))


def cpu_limit(cgroups: Path = CGROUPS) -> int | None:
    """Return how many cores' time this container may use, at least 1, rounded up; None if it is not limited.

    Args:
        cgroups: Where the kernel says so, in version 1 or 2 of its files; without it ``/sys/fs/cgroup``.
    """
    try:
        if (cgroups / 'cpu.max').is_file():
            quota, period = (cgroups / 'cpu.max').read_text().split()
        else:
            quota, period = ((cgroups / 'cpu' / f'cpu.cfs_{name}_us').read_text() for name in ('quota', 'period'))
        return max(math.ceil(int(quota) / int(period)), 1) if int(quota) > 0 else None
    except (OSError, ValueError, ZeroDivisionError):  # no such files, or 'max'
        return None
