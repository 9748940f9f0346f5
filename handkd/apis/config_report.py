"""Text of a resolved config, with the files that its entries come from."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from mmengine.config import Config

from handkd.config_files import PREFIXES, find_config
from handkd.reading import read_text


def config_text(cfg: Config, path: str | Path) -> str:
    """Return a resolved config as Python, each top-level entry after a comment with the files that set it.

    Args:
        cfg: The resolved config.
        path: Its file or name, whose ``_base_`` is followed.
    """
    origins: dict[str, list[str]] = {}
    for file in base_files(path):
        for name in _assigned(file):
            origins.setdefault(name, []).append(_shown(file))
    parts = []
    for name, value in cfg.to_dict().items():
        source = ', '.join(dict.fromkeys(origins.get(name, []))) or 'set by the command'
        parts.append(f'# {source}\n{Config({name: value}).pretty_text.strip()}\n')
    return '\n'.join(parts)


def base_files(path: str | Path) -> Iterator[Path]:
    """Yield the files that a config is assembled from, in the order in which they override one another.

    Args:
        path: The config's file or name, which comes last.
    """
    path = find_config(path)
    for node in ast.parse(read_text(path)).body:
        if isinstance(node, ast.Assign) and any(getattr(target, 'id', None) == '_base_' for target in node.targets):
            bases = ast.literal_eval(node.value)
            for base in [bases] if isinstance(bases, str) else bases:
                yield from base_files(base if base.startswith(PREFIXES) else path.parent / base)
    yield path


def _assigned(file: Path) -> Iterator[str]:
    """Yield the names of a file's top-level entries."""
    for node in ast.parse(read_text(file)).body:
        if isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _shown(file: Path) -> str:
    """Return a file's path relative to the working folder, if it is inside."""
    file = file.resolve()
    return str(file.relative_to(Path.cwd())) if file.is_relative_to(Path.cwd()) else str(file)
