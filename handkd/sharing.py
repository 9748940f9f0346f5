"""Settings of the numerical libraries for shared machines, made before these are loaded, unless the user has set them.

The threads of GNU's OpenMP, with which torch computes on a CPU, wait for one another by spinning, up to 300,000 rounds.
On an idle machine that is fastest; if another program occupies one of the cores, the other threads spin until the last
one is scheduled, and a step takes many times as long. Fewer rounds cover the same short waits between operators, and
release the core in the long ones (``handkd benchmark busy``).

The number of threads does not depend on the load of the machine: it decides the order of sums, so the same run would
have other results.
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
    """Set how OpenMP's threads wait, and their number if a container's CPU limit is below its number of cores.

    It affects libraries that are loaded later; importing handkd calls it. Values of ``GOMP_SPINCOUNT``,
    ``OMP_WAIT_POLICY`` and ``OMP_NUM_THREADS`` that the user has set are kept.

    Args:
        environ: The environment; without it that of the process.
        cgroups: Folder with the kernel's limits of this container; without it ``/sys/fs/cgroup``.
    """
    if 'OMP_WAIT_POLICY' not in environ:
        environ.setdefault('GOMP_SPINCOUNT', str(SPIN_COUNT))
    limit = cpu_limit(cgroups)
    if limit is not None and limit < len(os.sched_getaffinity(0)):
        environ.setdefault('OMP_NUM_THREADS', str(limit))


def cpu_limit(cgroups: Path = CGROUPS) -> int | None:
    """Return the CPU limit of this container in cores, at least 1, rounded up; None if it is not limited.

    Args:
        cgroups: Folder with the kernel's limits, in version 1 or 2; without it ``/sys/fs/cgroup``.
    """
    try:
        if (cgroups / 'cpu.max').is_file():
            quota, period = (cgroups / 'cpu.max').read_text().split()
        else:
            quota, period = ((cgroups / 'cpu' / f'cpu.cfs_{name}_us').read_text() for name in ('quota', 'period'))
        return max(math.ceil(int(quota) / int(period)), 1) if int(quota) > 0 else None
    except (OSError, ValueError, ZeroDivisionError):  # no such files, or 'max'
        return None
