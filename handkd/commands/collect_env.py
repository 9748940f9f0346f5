"""Print the environment for a bug report.

handkd env

Also works, and prints the error, if handkd cannot be imported.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import sys
import traceback
from importlib.metadata import PackageNotFoundError, version

from handkd.machine import ROOT, cpu_model, source_commit, usable_cores

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
    return {
        'Platform': platform.platform(),
        'CPU': f'{cpu_model()}, {usable_cores()} cores to use of {os.cpu_count()}',
        'Python': f'{platform.python_version()} ({sys.executable})',
        'Source': source_commit() or f'{ROOT}, not a git repository',
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
