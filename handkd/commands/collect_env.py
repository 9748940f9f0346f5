"""Print the environment for a bug report.

handkd env

Also works, and prints the error, if handkd cannot be imported.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import subprocess
import sys
import traceback
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The checkout, if handkd is imported from one."""
DISTRIBUTIONS = (
    'torch',
    'torchvision',
    'numpy',
    'scipy',
    'numba',
    'mmengine',
    'onedl-mmengine',
    'mmcv',
    'mmcv-lite',
    'onedl-mmcv',
    'mmpose',
    'mmdet',
    'xtcocotools',
    'pycocotools',
    'opencv-python',
    'opencv-python-headless',
)


def distribution_versions() -> dict[str, str]:
    """Return the version of each relevant package; those that are not installed are left out."""
    found = {}
    for name in DISTRIBUTIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def system() -> dict[str, str]:
    """Return the properties of the machine, the interpreter and the source tree."""
    commit = ''
    if (ROOT / '.git').exists():  # an installed package may lie inside the repository of something else
        command = ['git', '-C', str(ROOT), 'describe', '--always', '--dirty']
        commit = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()
    return {
        'Platform': platform.platform(),
        'CPU': f'{platform.processor() or platform.machine()}, {cores} cores to use of {os.cpu_count()}',
        'Python': f'{platform.python_version()} ({sys.executable})',
        'Source': commit or f'{ROOT}, not a git repository',
    }


def torch_devices() -> dict[str, str]:
    """Return torch's threads and devices."""
    import torch

    devices = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {
        'Threads': str(torch.get_num_threads()),
        'CPU capability': torch.backends.cpu.get_cpu_capability(),
        'CUDA': f'{torch.version.cuda}: {", ".join(devices) or "no device"}' if torch.version.cuda else 'CPU build',
    }


def handkd_and_mmpose() -> dict[str, str]:
    """Import handkd and MMPose; return for each package that MMPose imports whether it is installed or a stub."""
    import handkd.registry  # noqa: I001  (before anything of MMPose)
    import mmpose.models  # noqa: F401
    import mmpose.visualization  # noqa: F401

    answers = {'handkd': handkd.__version__}
    for name in ('mmdet', 'torchvision', 'mmcv._ext', 'xtcocotools'):
        loader = importlib.util.find_spec(name).loader
        answers[name] = 'stand-in of handkd.compat' if type(loader).__module__ == 'handkd.compat' else 'installed'
    return answers


def main(argv: list[str] | None = None) -> int:
    """Print all sections; return status 1 if one of them failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args(argv)
    failed = False
    for section in (system, distribution_versions, torch_devices, handkd_and_mmpose):
        print(f'{section.__name__.replace("_", " ").capitalize()}:')
        try:
            for key, value in section().items():
                print(f'  {key}: {value}')
        except Exception:
            failed = True
            print('  ' + traceback.format_exc().strip().replace('\n', '\n  '))
    return int(failed)
