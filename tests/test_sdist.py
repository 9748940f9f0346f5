"""The source distribution has all that an installation from it needs."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import handkd

ROOT = Path(__file__).parents[1]
FILES = ('setup.py', 'pyproject.toml', 'MANIFEST.in', 'README.md', 'LICENSE', 'CHANGELOG.md', 'CITATION.cff')


def build(kind: str, source: Path, target: Path) -> Path:
    """Call setuptools' build backend, as pip does, without any download."""
    code = f'from setuptools import build_meta; print(build_meta.build_{kind}({str(target)!r}))'
    done = subprocess.run([sys.executable, '-c', code], cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return target / done.stdout.splitlines()[-1]


def test_a_wheel_is_built_from_the_source_distribution(tmp_path):
    checkout = tmp_path / 'checkout'
    for name in ('handkd', 'requirements'):
        shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns('__pycache__'))
    for name in FILES:
        if (ROOT / name).is_file():
            shutil.copy(ROOT / name, checkout)
    with tarfile.open(build('sdist', checkout, tmp_path)) as archive:
        archive.extractall(tmp_path / 'unpacked', filter='data')
    (source,) = (tmp_path / 'unpacked').iterdir()
    assert all((source / name).is_file() for name in FILES)
    with zipfile.ZipFile(build('wheel', source, tmp_path)) as wheel:
        names = wheel.namelist()
        (metadata,) = (wheel.read(name).decode() for name in names if name.endswith('METADATA'))
    assert f'Version: {handkd.__version__}' in metadata and 'License-File: LICENSE' in metadata
    assert {'numba', 'scipy'} <= {line.split()[1] for line in metadata.splitlines() if line.startswith('Requires-Dist')}
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / 'handkd').rglob('*.py')}
    assert modules <= set(names)
