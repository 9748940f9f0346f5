"""Distillers and teachers of a config, by their names."""

from __future__ import annotations

from collections.abc import Mapping

from mmengine.model import ModuleDict

from handkd.hints import ConfigError


def named_parts(parts: Mapping[str, dict | None], key: str) -> dict[str, dict]:
    """Return the distillers or teachers of a config that are not None.

    Args:
        parts: Their configs by name.
        key: Their key in the model's config, for errors.

    Raises:
        ConfigError: If they are not named, a name cannot be that of a module, or one is no config.
    """
    if not isinstance(parts, Mapping):
        raise ConfigError(f'model.{key} must be dict(NAME=dict(...), ...), found {parts!r}')
    for name, part in parts.items():
        if not isinstance(name, str) or not name or '.' in name or hasattr(ModuleDict, name) or name == 'training':
            raise ConfigError(f'model.{key}: {name!r} cannot be a name, since torch refuses or uses it: choose another')
        if part is not None and not isinstance(part, Mapping):
            raise ConfigError(f'model.{key}.{name} must be a dict or None, found {part!r}')
    return {name: part for name, part in parts.items() if part is not None}
