"""Create or update the virtual environment of ``make``.

An installed torch 2.x, in the environment itself or in the interpreter's packages, is kept: it is pinned while
everything else is installed. Otherwise the one in ``requirements/torch.txt`` is installed first and alone.
The rest is the stack of ``requirements/constraints.txt``. A second call without changes returns at once.

Needs only the standard library. ``make`` runs it with the environment's interpreter, 3.10 to 3.13.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / 'requirements'

_FIND_TORCH = """
from importlib.metadata import PackageNotFoundError, version
try:
    print(version('torch'))
except PackageNotFoundError:
    pass
"""


def installed_torch(python: str | Path) -> str | None:
    """Return the version of an interpreter's torch, such as ``'2.13.0+cpu'``, or None."""
    found = subprocess.run([str(python), '-c', _FIND_TORCH], capture_output=True, text=True, check=True, cwd=ROOT)
    return found.stdout.strip() or None


def is_torch2(version: str | None) -> bool:
    """Return whether a version, if any, is one of torch 2."""
    return version is not None and version.split('.')[0] == '2'


def fingerprint() -> str:
    """Return a hash of this interpreter, this folder and the lists of packages: they determine what is installed."""
    digest = hashlib.sha256(f'{sys.version_info[:2]} {ROOT}'.encode())
    for path in (*sorted(REQUIREMENTS.glob('*.txt')), ROOT / 'setup.py', Path(__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def python_of(environment: Path) -> Path:
    """Return the path of an environment's interpreter."""
    return environment / ('Scripts/python.exe' if os.name == 'nt' else 'bin/python')


def check_interpreter(environment: Path) -> None:
    """Exit with one line if an environment exists and has another Python than this one."""
    python = python_of(environment)
    if not python.exists():
        return
    here = sys.version_info[:2]
    code = 'import sys; print(*sys.version_info[:2])'
    there = tuple(map(int, subprocess.check_output([str(python), '-c', code], text=True).split()))
    if there != here:
        sys.exit(
            f'{environment} has Python {there[0]}.{there[1]}, but PYTHON is {here[0]}.{here[1]}; '
            f'name its own (PYTHON=python{there[0]}.{there[1]}) or another folder (VENV=.venv{here[0]}{here[1]})'
        )


def create(environment: Path) -> None:
    """Create an empty environment, with access to the interpreter's packages if torch 2.x is among them."""
    torch = installed_torch(sys.executable)
    print(f'Creating {environment}' + (f', which uses the installed torch {torch}' if is_torch2(torch) else ''))
    venv.create(environment, system_site_packages=is_torch2(torch), with_pip=True)
    if is_torch2(torch) and sys.prefix != sys.base_prefix:
        # This interpreter belongs to a virtual environment, whose packages a new environment does not see.
        own = sorted({sysconfig.get_path('purelib'), sysconfig.get_path('platlib')})
        site = subprocess.check_output(
            [str(python_of(environment)), '-c', 'import sysconfig; print(sysconfig.get_path("purelib"))'], text=True
        )
        Path(site.strip(), 'handkd_parent.pth').write_text('\n'.join(own) + '\n')


def pip(python: Path, *args: str | Path) -> None:
    """Run ``pip install`` in an environment; exit with its command if it fails."""
    command = [str(python), '-m', 'pip', 'install', '--disable-pip-version-check', *map(str, args)]
    if subprocess.run(command, cwd=ROOT).returncode:
        sys.exit(f'Failed: {" ".join(command)}\nSee its message above; fix the cause and run make again.')


def install(python: Path, torch_index: str | None) -> None:
    """Install the stack into an environment.

    Args:
        python: The environment's interpreter.
        torch_index: URL of the package index for torch if none is installed; None is pip's default.
    """
    torch = installed_torch(python)
    if torch is None:
        print('[1/4] torch')
        pip(python, '-r', REQUIREMENTS / 'torch.txt', *(['--index-url', torch_index] if torch_index else []))
        torch = installed_torch(python)
    elif not is_torch2(torch):
        sys.exit(f'handkd needs torch 2.x, but {python} has {torch}; upgrade it, or remove that environment')
    else:
        print(f'[1/4] torch: {torch} is installed and is kept')

    with tempfile.TemporaryDirectory() as folder:
        keep_torch = Path(folder, 'torch.txt')
        keep_torch.write_text(f'torch=={torch}\n')
        pinned = ('-c', REQUIREMENTS / 'constraints.txt', '-c', keep_torch)
        print('[2/4] MMPose, MMCV and MMEngine')
        pip(python, '--no-deps', '-r', REQUIREMENTS / 'mminstall.txt', *pinned)
        print('[3/4] everything else')
        pip(python, '-r', REQUIREMENTS / 'runtime.txt', '-r', REQUIREMENTS / 'tests.txt', *pinned)
        if subprocess.run([str(python), '-c', 'import cv2'], capture_output=True).returncode:
            pip(python, '-r', REQUIREMENTS / 'opencv.txt', *pinned)
    print('[4/4] handkd, editable')
    pip(python, '--no-deps', '-e', ROOT)


def main(argv: list[str] | None = None) -> None:
    """Parse the command line and update the environment."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('environment', type=Path, help='folder of the environment; created if missing')
    parser.add_argument('--torch-index', help='package index for torch, if none is installed')
    args = parser.parse_args(argv)

    check_interpreter(args.environment)
    stamp = args.environment / 'handkd.stamp'
    wanted = fingerprint()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    if not python_of(args.environment).exists():
        create(args.environment)
    install(python_of(args.environment), args.torch_index)
    stamp.write_text(wanted)


if __name__ == '__main__':
    main()
