"""Packaging of handkd. The OpenMMLab packages and OpenCV are installed apart (README.md, "Install")."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent


def requirements(name: str) -> list[str]:
    """Return the requirements in ``requirements/<name>.txt``, without comments."""
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text(encoding='utf-8').splitlines()
    return [text for line in lines if (text := line.split('#')[0].strip())]


def version() -> str:
    """Return ``__version__`` of the package, without importing it: that needs what is yet to be installed."""
    source = (ROOT / 'handkd' / '__init__.py').read_text(encoding='utf-8')
    return re.search(r"^__version__ = '(.+)'$", source, re.MULTILINE)[1]


setup(
    name='handkd',
    version=version(),
    description='Train small RGB hand-pose networks with knowledge that exists only at training time',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    packages=find_packages(include=['handkd', 'handkd.*']),
    python_requires='>=3.10,<3.14',
    install_requires=['torch>=2.6,<3', *requirements('runtime')],
    extras_require={name: requirements(name) for name in ('export', 'optional', 'tests')},
)
