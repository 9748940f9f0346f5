"""The source distribution and the wheel have all that an installation from them needs."""

from __future__ import annotations

import zipfile

import handkd

from .conftest import FILES, ROOT


def files(*patterns):
    """Paths in the checkout, from its root."""
    found = (path for pattern in patterns for path in ROOT.glob(pattern) if '__pycache__' not in path.parts)
    return {path.relative_to(ROOT).as_posix() for path in found}


def test_a_wheel_is_built_from_the_source_distribution(built):
    assert all((built.source / name).is_file() for name in FILES)
    with zipfile.ZipFile(built.wheel) as wheel:
        names = set(wheel.namelist())
        (metadata,) = (wheel.read(name).decode() for name in names if name.endswith('METADATA'))
    assert f'Version: {handkd.__version__}' in metadata and 'License-File: LICENSE' in metadata
    assert {'numba', 'scipy'} <= {line.split()[1] for line in metadata.splitlines() if line.startswith('Requires-Dist')}
    assert files('handkd/**/*.py', 'handkd/py.typed') <= names
    beside = files('configs/**/*.py', 'configs/*/README.md', 'requirements/*.txt', 'zoo/*')
    assert 'zoo/README.md' in beside
    assert {f'handkd/{name}' for name in beside} <= names and len(beside) > 140
    assert any(name.endswith('licenses/LICENSE') for name in names)
