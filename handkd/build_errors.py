"""Errors caused by a config, in whatever library they are raised, as one line with the key in the config."""

from __future__ import annotations

import re
import traceback
from collections.abc import Sequence
from types import FrameType

from mmengine.config import Config
from torch import Tensor, nn

from .hints import ConfigError, one_line
from .lookup import LOADERS, RUNNER_KEYS, typed_dicts

BUILDERS = ('build_from_cfg', 'build_scheduler_from_cfg')
BEFORE_THE_FIRST_STEP = ('before_run', 'before_train')
_ENTRY = re.compile(rf'({"|".join(RUNNER_KEYS)})\b[^(]')
"""The beginning of an error that names its entry of the config already."""


def explain(error: Exception) -> ConfigError | None:
    """Return the ConfigError for an error that a config causes, or None for a fault of the program.

    Two kinds of errors are caused by the config, whatever their type: those raised while an object is built from it or
    set up before the first step, and those of a layer whose input has another number of channels than it was built for.
    """
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    start = next((i for i, frame in enumerate(frames) if _builds(frame)), None)
    if isinstance(error, ConfigError) and (start is None or _ENTRY.match(str(error))):
        return error
    if start is None:
        return _layer_error(error, frames)
    configs = [value for frame in frames for value in frame.f_locals.values() if isinstance(value, Config)]
    place = _place_of(frames[start:], configs[0] if configs else Config())
    text = _missing(error) or one_line(error)
    return ConfigError(f'{place}: {text}' if place else text)


def _builds(frame: FrameType) -> bool:
    """Whether a stack frame is one in which MMEngine builds from the config."""
    module, name = frame.f_globals.get('__name__', ''), frame.f_code.co_name
    if not module.startswith(('mmengine.registry', 'mmengine.runner', 'mmengine.optim')):
        return False
    if name == 'call_hook':
        return frame.f_locals['fn_name'] in BEFORE_THE_FIRST_STEP
    return name.startswith(('build_', '_build_', 'register_')) or (module, name) == (
        'mmengine.runner.runner',
        '__init__',
    )


def _place_of(frames: Sequence[FrameType], cfg: Config) -> str:
    """Return the dotted key and the type of the innermost part of a config that frames work on, or only the type."""
    found = typed_dicts(cfg.to_dict(), '')
    # Entries before the variables of the config's file, which may hold the same.
    nodes = dict(sorted(found, key=lambda item: item[0].partition('.')[0].partition('[')[0] not in RUNNER_KEYS))
    place = kind = entry = ''
    for frame in frames:
        below = {where: node for where, node in nodes.items() if not place or _is_below(where, place)}
        name, given = frame.f_code.co_name, frame.f_locals.get('cfg')
        if name in BUILDERS and isinstance(given, dict):
            kind = _name(given.get('type'))
            found = [where for where, node in below.items() if _is_part(node, given)]
        else:  # the object being built, or a running hook or backend
            owner = type(frame.f_locals.get('self')).__name__
            found = [where for where, node in below.items() if _name(node['type']) == owner]
            found = found if len(found) == 1 else []
            entry = _entry(frame, cfg) or entry
        if found:
            place, kind = found[0], _name(nodes[found[0]]['type'])
    if not place:
        return entry or kind
    own = _name(nodes[place]['type'])
    return f'{place} ({own})' + (f': {kind}' if kind != own else '')


def _entry(frame: FrameType, cfg: Config) -> str | None:
    """Return the entry without a type from which a frame of MMEngine's runner builds a loop or a loader."""
    name = frame.f_code.co_name
    if name == 'build_dataloader':
        given = frame.f_locals.get('dataloader') or (frame.f_locals.get('args') or [None])[0]
        return next((loader for loader in LOADERS if cfg.get(loader) == given), None)
    loop = re.fullmatch('build_(train|val|test)_loop', name)
    return f'{loop[1]}_cfg' if loop else None


def _is_below(where: str, place: str) -> bool:
    return re.match(re.escape(place) + r'($|[.\[])', where) is not None


def _name(kind: object) -> str:
    """Return the plain name of a type."""
    return str(getattr(kind, '__name__', kind)).rpartition('.')[2]


def _is_part(node: dict, given: object) -> bool:
    """Whether a builder's argument is a node of the config, possibly with more arguments, or without its pipeline."""
    if not isinstance(given, dict):
        return False
    # Labels are read without the pipeline.
    compared = {key: value for key, value in node.items() if key != 'pipeline' or key in given}
    return all(key in given and given[key] == value for key, value in compared.items())


def _missing(error: Exception) -> str | None:
    """Return a short message for a constructor's missing arguments."""
    match = re.search(r'missing \d+ required (?:positional|keyword-only) (arguments?): (.*)', str(error))
    return f'missing {match[1]} {match[2]}' if match and isinstance(error, TypeError) else None


def _layer_error(error: Exception, frames: Sequence[FrameType]) -> ConfigError | None:
    """Explain the error of a layer whose input has another number of channels than it was built for."""
    owners = [frame.f_locals.get('self') for frame in frames]
    modules = list(dict.fromkeys(owner for owner in owners if isinstance(owner, nn.Module)))
    inputs = [frame.f_locals.get('input') for frame in frames if isinstance(frame.f_locals.get('input'), Tensor)]
    if not isinstance(error, RuntimeError) or not modules or not inputs:
        return None
    layer, shape = modules[-1], tuple(inputs[-1].shape)
    if isinstance(layer, nn.Linear):
        takes, found = layer.in_features, shape[-1]
    elif isinstance(layer, (nn.modules.conv._ConvNd, nn.modules.batchnorm._BatchNorm)) and len(shape) > 1:
        takes, found = getattr(layer, 'in_channels', None) or layer.num_features, shape[1]
    else:
        return None
    if takes == found:
        return None
    return ConfigError(
        f'{_path_to(modules)} ({type(layer).__name__}) was built for {takes} channels, but is given {found}, an input '
        f'of shape {shape}: in_channels in the config must be the number of channels of the part before it'
    )


def _path_to(modules: Sequence[nn.Module]) -> str:
    """Return the dotted name of the last of nested modules, of which the first is the config's model."""
    path = 'model'
    for parent, child in zip(modules, modules[1:]):
        parts = dict(parent.named_modules()) | {
            f'teachers.{name}.model': teacher for name, teacher in getattr(parent, 'teachers', {}).items()
        }
        name = next((name for name, part in parts.items() if part is child and name), type(child).__name__)
        path += f'.{name}'
    return path
