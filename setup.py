"""Packaging of handkd. The OpenMMLab packages and OpenCV are installed apart (docs/install.md)."""

import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent


def requirements(name: str) -> list[str]:
    """Return the requirements in ``requirements/<name>.txt``, without comments."""
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text(encoding='utf-8').splitlines()
    return [text for line in lines if (text := line.split('#')[0].strip())]


def version() -> str:
    """Return ``__version__`` of the package, without importing it: that needs what is yet to be installed."""
    source = (ROOT / 'handkd' / '__init__.py').read_text(encoding='utf-8')
    return re.search(r"^__version__ = '(.+)'$", source, re.MULTILINE)[1]


class BuildWithConfigs(build_py):
    """Copies the files that lie beside the package in a checkout into it: configs, lists of requirements, the zoo."""

    def shipped(self) -> dict[str, str]:
        """Return copy in the package -> file of the checkout; none for an editable installation, which finds them."""
        patterns = ('configs/**/*.py', 'configs/*/README.md', 'requirements/*.txt', 'zoo/*')
        files = [file for pattern in patterns for file in ROOT.glob(pattern)]
        target = Path(self.build_lib, 'handkd')
        return {} if self.editable_mode else {str(target / file.relative_to(ROOT)): str(file) for file in files}

    def run(self) -> None:
        """Build as usual, then copy."""
        super().run()
        for target, source in self.shipped().items():
            Path(target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """Return all built files."""
        return [*super().get_outputs(include_bytecode), *self.shipped()]


setup(
    name='handkd',
    version=version(),
    description='Train small RGB hand-pose networks with knowledge that exists only at training time',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    packages=find_packages(include=['handkd', 'handkd.*']),
    package_data={'handkd': ['py.typed', 'inference/*.json']},
    entry_points={'console_scripts': ['handkd = handkd.cli:main']},
    cmdclass={'build_py': BuildWithConfigs},
    python_requires='>=3.10,<3.14',
    install_requires=['torch>=2.6,<3', *requirements('runtime')],
    extras_require={name: requirements(name) for name in ('docs', 'export', 'optional', 'tests')},
)
