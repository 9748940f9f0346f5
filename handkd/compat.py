"""Makes MMPose 1.3 importable on current Python versions, for which some packages that it imports are unavailable.

MMPose imports ``mmdet``, ``torchvision``, the compiled operators ``mmcv._ext`` and ``xtcocotools`` while it is imported
itself, for a few classes that hand pose never uses. Importing this module puts one finder at the *end* of
``sys.meta_path``: Python asks it only for modules that no other finder has found, so an installed package is never
shadowed.

- ``mmdet``, ``torchvision`` and ``mmcv._ext`` are replaced by stand-ins. Any public name can be imported from them,
  subclassed, and used in ``isinstance`` or an annotation; calling it raises a MissingPackageError that names the
  package to install.
- ``xtcocotools`` is replaced by its upstream ``pycocotools`` if that is installed (xtcocotools has no wheels for Python
  3.12 and above). Reading and drawing annotations is the same; of ``COCOeval``, the sigmas and ``use_area`` arguments
  that MMPose's COCO metrics pass exist only in xtcocotools.

Import this before anything of MMPose; importing :mod:`handkd.registry` does so. No other file of handkd patches others.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import re
import shlex
import sys
from types import ModuleType
from typing import Any

from .shipped import shipped

__all__ = ['MissingPackageError', 'install', 'missing_package', 'pip_command', 'require']

_HINTS = {
    'mmdet': "MMDetection: pip install 'mmdet>=3.0' (mind the range of mmcv versions that it asks for)",
    'torchvision': 'the torchvision that belongs to the installed torch: see https://pytorch.org/get-started',
    'mmcv._ext': (
        'an mmcv with compiled operators: pip install --no-deps --no-build-isolation '
        '--force-reinstall --no-binary onedl-mmcv onedl-mmcv'
    ),
}
"""Package that a stand-in replaces -> how to install it."""

_MODULES: dict[str, dict[str, Any]] = {
    'mmdet': {},
    'mmdet.utils': {},
    # MMEngine's environment report, which every Runner prints, reads the version.
    'torchvision': {'__version__': '0.0.0+not.installed'},
    'torchvision.transforms': {},
    # MMCV's environment report calls these two.
    'mmcv._ext': {
        'get_compiler_version': lambda: 'n/a (no compiled operators)',
        'get_compiling_cuda_version': lambda: 'n/a (no compiled operators)',
    },
}
"""The modules that MMPose imports unguarded, and the names in them that must be real.

Modules that it imports under ``try`` (``mmdet.apis``) are left out, so that it still detects that they are missing.
"""

_ALIAS, _ALIASED = 'xtcocotools', 'pycocotools'
_OPENMMLAB = ('mmengine', 'mmcv', 'mmpose')
_IMPORTED_AS = {'yaml': 'pyyaml', 'PIL': 'pillow', 'faiss': 'faiss-cpu'}
"""Module -> package, where their names differ by more than a dash."""


class _Placeholder(type):
    """Metaclass of the stand-ins' names: classes that can be named and subclassed, but not called or inspected."""

    def __call__(cls, *args: object, **kwargs: object) -> Any:
        raise MissingPackageError(cls._reason)

    def __getattr__(cls, name: str) -> Any:
        # Special names must be reported as absent, for `hasattr` and `inspect`; all but `__path__`, which MMEngine
        # reads off `torchvision.models` when a config asks for a torchvision:// checkpoint.
        if name.startswith('__') and name != '__path__':
            raise AttributeError(name)
        raise MissingPackageError(cls._reason)


def is_stand_in(found: object) -> bool:
    """Whether an object is in the place of a class of a package that is not installed."""
    return isinstance(found, _Placeholder)


def is_absent(package: str) -> bool:
    """Whether a package is not installed, also if a stand-in is in its place."""
    spec = importlib.util.find_spec(package)
    return spec is None or isinstance(spec.loader, _StandInLoader)


def how_to_install(package: str) -> str:
    """Return pip's command for a package that has a stand-in.

    Args:
        package: 'mmdet', 'torchvision' or 'mmcv._ext'.
    """
    return _HINTS[package]


def _package_of(module: str) -> str:
    """Return the key of :data:`_HINTS` that a stand-in module belongs to."""
    return module if module in _HINTS else module.partition('.')[0]


class _StandInLoader(importlib.abc.Loader):
    """Fills a module with its real names and, on demand, with placeholders for all others."""

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        """Leave the making of an empty module to the import machinery."""

    def exec_module(self, module: ModuleType) -> None:
        """Give the module its names."""
        package = _package_of(module.__name__)

        def placeholder(name: str) -> type:
            if name.startswith('_'):
                raise AttributeError(f'module {module.__name__!r} has no attribute {name!r}')
            full = f'{module.__name__}.{name}'
            reason = f'{full} is needed here, but {package} is not installed; install {_HINTS[package]}'
            made = _Placeholder(name, (), {'__module__': module.__name__, '_reason': reason})
            setattr(module, name, made)
            return made

        module.__doc__ = f'Stand-in of handkd.compat for {package}, which is not installed.'
        module.__getattr__ = placeholder
        module.__dict__.update(_MODULES[module.__name__])


class _AliasLoader(importlib.abc.Loader):
    """Fills a module with the names of another one, which keeps its own identity."""

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        """Leave the making of an empty module to the import machinery."""

    def exec_module(self, module: ModuleType) -> None:
        """Copy the names of the aliased module."""
        real = importlib.import_module(module.__name__.replace(_ALIAS, _ALIASED, 1))
        module.__doc__ = real.__doc__
        module.__dict__.update({name: value for name, value in vars(real).items() if not name.startswith('__')})


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the modules above if no other finder does."""

    def find_spec(
        self, fullname: str, path: object = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the spec of a stand-in or an alias, or None for any other module."""
        package, _, child = fullname.partition('.')
        if child and package != 'mmcv' and not isinstance(sys.modules[package].__loader__, _OURS):
            return None  # modules that a real package lacks stay missing
        if fullname in _MODULES:
            is_package = any(name.startswith(f'{fullname}.') for name in _MODULES)
            return importlib.machinery.ModuleSpec(fullname, _StandInLoader(), is_package=is_package)
        if package == _ALIAS:
            real = importlib.util.find_spec(fullname.replace(_ALIAS, _ALIASED, 1))
            if real is not None:
                is_package = real.submodule_search_locations is not None
                return importlib.machinery.ModuleSpec(fullname, _AliasLoader(), is_package=is_package)
        return None


_OURS = (_StandInLoader, _AliasLoader)


class MissingPackageError(ImportError):
    """A package that handkd needs, or that is needed for what a config asks for, is missing."""


def require() -> None:
    """Check that the OpenMMLab packages are installed; importing :mod:`handkd.registry` does it.

    Raises:
        MissingPackageError: If MMEngine, MMCV or MMPose is not installed; names pip's command.
    """
    missing = _missing_openmmlab()
    if missing:
        raise MissingPackageError(missing)


def _missing_openmmlab() -> str:
    """Return which of the OpenMMLab packages are missing, with pip's command for them, or ''."""
    missing = [name for name in _OPENMMLAB if importlib.util.find_spec(name) is None]
    return f'handkd needs {", ".join(missing)}: {pip_command("mminstall")}' if missing else ''


def missing_package(error: ImportError) -> str | None:
    """Return what an import lacks and pip's command for it, or None if it is no package that handkd needs.

    Args:
        error: The error of an import.
    """
    if isinstance(error, MissingPackageError):
        return str(error)
    if isinstance(error, ModuleNotFoundError) and error.name in _OPENMMLAB:
        return _missing_openmmlab()
    if error.name == 'cv2':
        return f'handkd needs OpenCV: {pip_command("opencv")}'
    module = (error.name or '').partition('.')[0]
    package = _IMPORTED_AS.get(module, module.replace('_', '-'))
    if isinstance(error, ModuleNotFoundError) and package in _dependencies():
        return f'handkd needs {package}: pip install {package}'
    return None


def _dependencies() -> list[str]:
    """Return the packages that pip installs with handkd (without ``--no-deps``), and those of exported networks."""
    files = [shipped('requirements') / f'{name}.txt' for name in ('runtime', 'export')]
    lines = [line for file in files for line in file.read_text(encoding='utf-8').splitlines()]
    return ['torch', *(found[0].replace('_', '-') for line in lines if (found := re.match(r'[\w-]+', line)))]


def pip_command(name: str) -> str:
    """Return pip's command, for a shell, for the packages in ``requirements/<name>.txt``.

    Args:
        name: 'mminstall' for the OpenMMLab packages, which are installed without their dependencies, or 'opencv'.
    """
    lines = (shipped('requirements') / f'{name}.txt').read_text(encoding='utf-8').splitlines()
    packages = [shlex.quote(text) for line in lines if (text := line.split('#')[0].strip())]
    return ' '.join(['pip install', *(['--no-deps'] if name == 'mminstall' else []), *packages])


def install() -> None:
    """Put the finder at the end of ``sys.meta_path``, once; importing this module does it."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())


install()
