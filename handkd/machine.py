"""The source tree and the processor that a result comes from, as a log of results and a bug report name them."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
"""The checkout, if handkd is imported from one."""
_CPU_INFO = Path('/proc/cpuinfo')


def source_commit() -> str:
    """Return the commit of the checkout, with '-dirty' if files were changed since; '' without a repository or git."""
    if not (ROOT / '.git').exists():  # an installed package may lie inside the repository of something else
        return ''
    command = ['git', '-C', str(ROOT), 'describe', '--always', '--dirty', '--abbrev=12']
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:  # git is not installed
        return ''


def cpu_model() -> str:
    """Return the name of the processor's model, or of its architecture if the system does not say the model."""
    lines = _CPU_INFO.read_text(errors='replace').splitlines() if _CPU_INFO.is_file() else []
    names = (line.partition(':')[2].strip() for line in lines if line.startswith('model name'))
    return next(names, '') or platform.processor() or platform.machine()


def usable_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
