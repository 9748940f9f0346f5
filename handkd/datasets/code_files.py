"""Source files that decide the index of a data set, so that a change of one of them replaces stored indices."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from functools import lru_cache
from importlib.util import find_spec, resolve_name
from pathlib import Path

_BASE = 'handkd.datasets.file_dataset'
_BY_THE_BASE = tuple(f'handkd.datasets.{name}' for name in ('damaged_labels', 'label_digests', 'index'))
"""Modules by which the base class makes columns; its other imports are for reading samples."""
_NEUTRAL = ('handkd.hints', 'handkd.registry')  # texts of errors, and names


def code_files(reader: type) -> list[Path]:
    """Return the source files that decide the index of a data set, sorted.

    These are the reader's own file and, transitively, those of its package and of handkd that define a name it imports:
    its helpers, the order of joints, the form of the labels. Of the base class they are its own file and those by which
    it makes columns.

    Args:
        reader: The data set's class.
    """
    own = reader.__module__
    roots = {'handkd', own.partition('.')[0]}
    files, pending = {own: Path(inspect.getfile(reader))}, [own]
    while pending:
        module = pending.pop()
        for name in _BY_THE_BASE if module == _BASE else _definers(module, files[module], roots):
            file = None if name in files or name in _NEUTRAL else _file_of(name)
            if file is not None:
                files[name] = file
                if name not in _BY_THE_BASE:
                    pending.append(name)
    return sorted(files.values())


def _definers(module: str, file: Path, roots: set[str]) -> Iterator[str]:
    """Yield the modules below some roots that define the names that a module imports."""
    for source, name in _imports(module, file):
        if source.partition('.')[0] in roots:
            yield _definer(source, name)


def _definer(module: str, name: str | None) -> str:
    """Return the module that defines a name: a package passes on those of its modules."""
    file = _file_of(module)
    if name is None or file is None or file.name != '__init__.py':
        return module
    if _file_of(f'{module}.{name}') is not None:
        return f'{module}.{name}'
    source = next((source for source, passed_on in _imports(module, file) if passed_on == name), None)
    return module if source is None else _definer(source, name)


def _imports(module: str, file: Path) -> tuple[tuple[str, str | None], ...]:
    """Return module and name of everything that a source file imports; the name is None for a module."""
    return _parse(file.read_bytes(), module if file.name == '__init__.py' else module.rpartition('.')[0])


@lru_cache(maxsize=256)
def _parse(source: bytes, package: str) -> tuple[tuple[str, str | None], ...]:
    found: list[tuple[str, str | None]] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [(alias.name, None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            place = resolve_name('.' * node.level + (node.module or ''), package) if node.level else node.module
            found += [(place, alias.name) for alias in node.names]
    return tuple(found)


@lru_cache(maxsize=1024)
def _file_of(module: str) -> Path | None:
    """Return the source file of a module; None if there is no such module, or it has none."""
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):  # a name in a module that is no package; '__main__'
        return None
    return Path(spec.origin) if spec is not None and str(spec.origin).endswith('.py') else None
