"""Overrides of a config without effect: of variables that were used while its file was read, and of absent parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from mmengine.config import Config

from .hints import ConfigError, check_keys, did_you_mean

MOST_PLACES = 6
"""Maximum number of keys in an error."""


def check_overrides(cfg: Config, options: Iterable[str], known: Iterable[str]) -> None:
    """Refuse options that name a variable used in the config's file instead of an entry of the config.

    Args:
        cfg: The config as read from its file, before the options are merged.
        options: Dotted keys.
        known: Names of the entries that are used after the file is read.

    Raises:
        ConfigError: For the first option without effect; names the keys that hold the variable's value.
    """
    known = set(known)
    for option in options:
        name = option.partition('.')[0]
        if name == 'stages':
            raise ConfigError(
                f'{option}: the list of stages is read only from the file, so an override has no effect; write it in '
                f'a config file whose _base_ is {cfg.filename}'
            )
        if name in known:
            continue
        if name not in cfg:
            check_keys([name], known, 'config')
        places = list(dict.fromkeys(_places(cfg, option, known)))
        if len(places) > MOST_PLACES:
            places[MOST_PLACES:] = [f'{len(places) - MOST_PLACES} more']
        remedy = f'set {", ".join(places)}' if places else 'no entry holds its value: change it in the config file'
        raise ConfigError(
            f'{option}: {name} is a variable that was used when the config file was read, so an override has no '
            f'effect; {remedy}'
        )


def check_left_out(cfg: Config, option: str) -> None:
    """Refuse an option that leaves out a distiller or teacher (None) which a config does not have.

    Args:
        cfg: The config, before the option is merged.
        option: Dotted key of the option, such as 'model.distillers.offset'.

    Raises:
        ConfigError: If the model has no part of this name; names the nearest right one.
    """
    place, _, name = option.rpartition('.')
    if place not in ('model.distillers', 'model.teachers'):
        return
    parts = _look_up(cfg.to_dict(), place.split('.')) or {}
    if name not in parts:
        remedy = did_you_mean(name, parts) if parts else f'the config has no {place}'
        raise ConfigError(f'{option}=None: {place} has no {name!r} to leave out; {remedy}')


def _places(cfg: Config, option: str, known: set[str]) -> Iterator[str]:
    """Yield the dotted keys of entries made with a variable, or with a part of it."""
    whole = cfg.to_dict()
    entries = list(_walk({key: value for key, value in whole.items() if key in known}))
    parts = option.split('.')
    for end in range(len(parts) - 1, 0, -1):  # containers of the option, the innermost first
        container, below = _look_up(whole, parts[:end]), '.'.join(parts[end:])
        found = [f'{place}.{below}' for place, value in entries if _holds(value, container)]
        if found:
            yield from found
            return
    old = _look_up(whole, parts)
    for place, value in entries:
        if _holds(value, old) if isinstance(old, (dict, list, tuple)) else _same(value, old) and _alike(place, parts):
            yield place


def _look_up(node: object, parts: Iterable[str]) -> object | None:
    """Return the value at a dotted key, or None if the key is missing."""
    for part in parts:
        if isinstance(node, dict):
            node = node.get(part)
        elif isinstance(node, (list, tuple)) and part.isdigit() and int(part) < len(node):
            node = node[int(part)]
        else:
            return None
    return node


def _walk(node: object, where: str = '') -> Iterator[tuple[str, object]]:
    """Yield all values below a node, each with its dotted key."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, (list, tuple)) else ()
    for key, value in items:
        place = f'{where}.{key}' if where else str(key)
        yield place, value
        yield from _walk(value, place)


def _holds(value: object, container: object) -> bool:
    """Whether a value equals a container, or is a dict with all of its items."""
    if not container:
        return False
    if isinstance(container, dict) and isinstance(value, dict):
        return all(key in value and _same(value[key], item) for key, item in container.items())
    return _same(value, container)


def _same(value: object, other: object) -> bool:
    return type(value) is type(other) and value == other


def _alike(place: str, parts: Sequence[str]) -> bool:
    """Whether an argument has a variable's name or a part of it: `size` and `resolution` match `input_size`."""
    argument, name = place.rpartition('.')[2], parts[-1]
    argument = 'size' if argument == 'resolution' else argument
    return argument == name or argument in name.split('_') or name in argument.split('_')
