"""Imports at first use: public names of a package, and packages that only some functions need."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType


def lazy_names(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` of a package some of whose public names are imported at first use.

    Args:
        package: Its name, ``__name__``.
        homes: Name -> module that defines it: a module of the package, or one with a dot in its name.

    Returns:
        The two functions (PEP 562).
    """
    module = sys.modules[package]

    def get(name: str) -> object:
        if name not in homes:
            raise AttributeError(f'module {package!r} has no attribute {name!r}')
        home = homes[name]
        value = getattr(import_module(home if '.' in home else f'{package}.{home}'), name)
        setattr(module, name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(module), *module.__all__})

    return get, names


def optional_package(name: str) -> ModuleType:
    """Import a package that only some functions need, or a module in it.

    Args:
        name: Its name; that of the package is also that of its distribution.

    Raises:
        ModuleNotFoundError: If it is missing; says how to install it.
    """
    try:
        return import_module(name)
    except ImportError:
        package = name.partition('.')[0]
        raise ModuleNotFoundError(f'handkd needs {package}: pip install {package}', name=package) from None
