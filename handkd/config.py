"""Loading a config and checking it before anything is built from it."""

from __future__ import annotations

import copy
import inspect
import logging
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from importlib import import_module
from os import PathLike
from pathlib import Path

from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.registry import init_default_scope
from mmengine.runner import IterBasedTrainLoop
from torch.utils.data import DataLoader

from .artifacts import artifact_entries, find_needs, hand_out_paths
from .artifacts.finding import check_need, has_path
from .baseline import remove_absent_parts
from .config_files import PREFIXES, find_config
from .hints import ConfigError, check_keys, did_you_mean, one_line
from .input_checks import check_inputs
from .lookup import LOADERS, RUNNER_KEYS, class_names, find_class, typed_dicts
from .mmpose_configs import absent_package, use_mmpose_classes
from .needs import missing, needs_of
from .overrides import check_left_out, check_overrides
from .reading import shown
from .signatures import signature_of
from .size_checks import check_sizes, type_name

OWN_KEYS = {'custom_imports', 'stages', 'strategy'}
"""Top-level keys that handkd reads, besides the entries of artifacts."""
OPTIMISER_KEYS = {'constructor', 'paramwise_cfg'}  # MMEngine takes them out of optim_wrapper before it builds it
SCHEDULE_KEYS = {'convert_to_iter_based'}  # MMEngine takes it out before it builds a schedule
GIVEN_BY_BUILDERS = {
    'data sampler': {'dataset'},
    'evaluator': {'metrics'},
    'loop': {'runner', 'dataloader', 'evaluator'},
    'model wrapper': {'module'},
    'optimizer': {'params'},
    'optimizer wrapper': {'optimizer'},
    'optimizer wrapper constructor': {'optim_wrapper_cfg'},
    'parameter scheduler': {'optimizer'},
    'vis_backend': {'save_dir'},
}
"""Name of a registry -> arguments that MMEngine adds to those of the config."""
NO_CLASS = re.compile(r'\.distillers\.[^.]+\.schedule\b')
"""Where a ``type`` is no class: a distiller checks its schedules itself."""
LOADER_KEYS = set(inspect.signature(DataLoader.__init__).parameters) - {'self'} | {'num_batch_per_epoch'}


def load_config(path: str | PathLike, options: dict | None = None, only: str | None = None) -> Config:
    """Read a config file, apply the command line's options, and check it.

    Args:
        path: A ``.py`` config, or the name of a shipped one, such as 'ekd/resnet50_lm'
            (:func:`~handkd.config_files.find_config`).
        options: Values of ``--cfg-options``: dotted key -> value. Defaults to None.
        only: Check only this top-level entry, such as 'model' for a tool that reads no data. Defaults to None: all.

    Returns:
        The config, in which the paths that it names once are handed out (:func:`~handkd.artifacts.hand_out_paths`).

    Raises:
        FileNotFoundError: If there is no such file and no shipped config of this name; names the nearest.
        ConfigError: If it or one of its bases is not a ``.py`` file, if it can not be read, with the cause, if an
            option would have no effect (:func:`~handkd.overrides.check_overrides`,
            :func:`~handkd.overrides.check_left_out`), or if it is invalid (:func:`check_config`).
    """
    path = find_config(path)
    try:
        with _reading_rules():
            cfg = Config.fromfile(path, import_custom_modules=False)
        _import_and_override(cfg, options or {})
        _check_tables(cfg)
        use_mmpose_classes(cfg)
        remove_absent_parts(cfg)
    except ConfigError:
        raise
    except Exception as error:  # a config is Python
        raise ConfigError(f'{path}: {one_line(error)}') from error
    built = RUNNER_KEYS if only is None else (only,)
    hand_out_paths(cfg, built)
    check_config(cfg, only)
    return cfg


def _apply(cfg: Config, options: dict) -> None:
    """Merge options into a config one after the other, so that one may change what an earlier one has set.

    A dict replaces a None, which stands for a part that is left out; MMEngine refuses that.
    """
    for key, value in options.items():
        if value is None:
            check_left_out(cfg, key)
        *parents, last = key.split('.')
        node = cfg
        for part in parents:
            node = node.get(part) if isinstance(node, (dict, Config)) else None
        absent = isinstance(node, (dict, Config)) and last in node and node[last] is None
        value = copy.deepcopy(value)  # MMEngine removes `_delete_` from it
        cfg.merge_from_dict({key: dict(value, _delete_=True) if absent and isinstance(value, dict) else value})


@contextmanager
def _reading_rules() -> Iterator[None]:
    """Change how MMEngine reads a config and its bases: ``.py`` files only, and shipped and MMPose's configs by name.

    Its YAML reader builds arbitrary objects; the name of a ``.py`` file shows that it is a program, other files are not
    expected to be programs. MMEngine itself looks for ``package::`` only in packages that it knows, and marks all that
    a config takes from such a base with the scope of the package.
    """
    read, locate = Config._file2dict, Config._get_cfg_path

    def read_python(filename: str, *args: object, **kwargs: object) -> tuple:
        if Path(filename).suffix != '.py':
            raise ConfigError(f'{filename}: a config, and every file in its _base_, must be a .py file')
        return read(filename, *args, **kwargs)

    def locate_shipped(cfg_path: str, filename: str) -> tuple[str, str | None]:
        if cfg_path.startswith(PREFIXES):
            return str(find_config(cfg_path)), None
        return locate(cfg_path, filename)

    Config._file2dict, Config._get_cfg_path = staticmethod(read_python), staticmethod(locate_shipped)
    try:
        yield
    finally:
        Config._file2dict, Config._get_cfg_path = staticmethod(read), staticmethod(locate)


def _import_and_override(cfg: Config, options: dict) -> None:
    """Import the custom modules of a config, which may register entries of their own, and apply all options."""
    imports = {key: value for key, value in options.items() if key.partition('.')[0] == 'custom_imports'}
    others = {key: value for key, value in options.items() if key not in imports}
    _apply(cfg, imports)
    _check_tables(cfg, ('custom_imports',))
    import_custom_modules(cfg)
    if others:
        check_overrides(cfg, others, top_level_keys())
        _apply(cfg, others)
        _settle_length(cfg, others)


def _check_tables(cfg: Config, keys: Iterable[str] = ('model', 'train_cfg', *LOADERS)) -> None:
    """Check that the entries that must be dicts are dicts."""
    for key in keys:
        if not isinstance(cfg.get(key) or {}, dict):
            raise ConfigError(f'{key} must be a dict, found {shown(cfg[key])}')


def _settle_length(cfg: Config, options: dict) -> None:
    """Remove the length of a training that options replace by one in the other unit, steps or epochs, and log it."""
    whole = options.get('train_cfg')
    given = {option.removeprefix('train_cfg.') for option in options} | set(whole if isinstance(whole, dict) else ())
    train_cfg = cfg.get('train_cfg') or {}
    keep, other = ('max_epochs', 'max_iters') if train_cfg.get('by_epoch') else ('max_iters', 'max_epochs')
    if {'by_epoch', keep} <= given and other in train_cfg and other not in given:
        unit = 'epochs' if keep == 'max_epochs' else 'steps'
        text = f'train_cfg: {keep}={train_cfg[keep]} replaces {other}={train_cfg.pop(other)}'
        if 'val_interval' in train_cfg and 'val_interval' not in given:
            text += f'; val_interval={train_cfg["val_interval"]} now counts {unit}'
        print_log(text, 'current', logging.WARNING)


def import_custom_modules(cfg: Config) -> None:
    """Import the modules in the ``custom_imports`` of a config.

    MMEngine would do so while it reads the file, but its error hides the cause and has several lines.

    Raises:
        ConfigError: If a module can not be imported, with its own error, unless ``allow_failed_imports`` is set.
    """
    wanted = cfg.get('custom_imports') or {}
    check_keys(wanted, ('imports', 'allow_failed_imports'), 'custom_imports')
    names = wanted.get('imports') or []
    for name in [names] if isinstance(names, str) else names:
        try:
            import_module(name)
        except Exception as error:  # third-party code
            if isinstance(error, ImportError) and wanted.get('allow_failed_imports'):
                print_log(f'custom_imports: {name} is left out: {error}', 'current', logging.WARNING)
                continue
            raise ConfigError(f'custom_imports: {name}: {one_line(error)}') from error


def top_level_keys() -> set[str]:
    """Return the keys of a config that are used after its file is read, among them the entries of artifacts."""
    return RUNNER_KEYS | OWN_KEYS | set(artifact_entries())


def check_config(cfg: Config, only: str | None = None) -> None:
    """Check every key of a config against the signature of the class or function that takes it.

    Free names at the top level (``data_root``, ``train_pipeline``) are allowed, unless they look like a misspelt key of
    MMEngine's Runner.

    Args:
        cfg: The config.
        only: Check only this top-level entry. Defaults to None: all.

    Raises:
        ConfigError: For an unknown key or an unregistered type, with the nearest right name; for a missing argument;
            for a string where a number is expected. It names the key.
    """
    init_default_scope(cfg.get('default_scope', 'handkd'))
    known = top_level_keys()
    _check_typos(cfg, known, 'config')
    for entry, kind in artifact_entries().items():
        if only in (None, entry) and cfg.get(entry) is not None:
            kind.check_entry(cfg)
    for loader in LOADERS:
        if cfg.get(loader):
            check_keys(cfg[loader], LOADER_KEYS, loader)
    train_cfg = cfg.get('train_cfg') or {}
    if 'by_epoch' in train_cfg and not train_cfg['by_epoch'] and 'type' not in train_cfg:
        lengths = {'by_epoch', 'max_epochs', *signature_of(IterBasedTrainLoop).arguments}  # two are judged later
        check_keys(train_cfg, lengths, 'train_cfg')
    for need in find_needs(cfg, RUNNER_KEYS if only is None else (only,)):
        check_need(need)
    entries, foreign = cfg.to_dict(), []
    entries.pop('strategy', None)  # no class of a registry: checked before a training
    for where, node in typed_dicts(entries if only is None else {only: entries.get(only)}, ''):
        if not NO_CLASS.search(where) and not where.startswith(tuple(foreign)):
            _check_node(where, node, known, cfg)
        if type_name(node) == 'Albumentation':  # its transforms are classes of albumentations
            foreign.append(f'{where}.')
    if only not in LOADERS:  # a data set that is looked at or packed by itself need not fit the network
        check_sizes(cfg)
        check_inputs(cfg)


def _check_typos(given: Iterable[str], known: set[str], where: str) -> None:
    """Refuse keys that look like a misspelt known one, in places where any key is allowed."""
    for key in given:
        # 0.86 separates the misspelt `train_dataloder` from the free name `train_data`.
        if key not in known and get_close_matches(key, known, n=1, cutoff=0.86):
            check_keys([key], known, where)


def _check_node(where: str, node: dict, entries: set[str], cfg: Config) -> None:
    """Check the keys and values of a dict with a ``type`` against the signature of the class.

    Args:
        where: Its dotted key.
        node: The dict.
        entries: Top-level keys whose objects get all their arguments from their dicts.
        cfg: The whole config.
    """
    kind = node['type']
    registry, target = (None, kind) if callable(kind) else find_class(kind)
    if target is None:
        why = absent_package(kind) or f'no class {kind!r} is registered; {did_you_mean(kind, class_names())}'
        raise ConfigError(f'{where}: {why}')
    signature = signature_of(target)
    known = set(signature.arguments)
    if where == 'optim_wrapper':
        known |= OPTIMISER_KEYS
    if re.match(r'param_scheduler\b', where):
        known |= SCHEDULE_KEYS
    place = f'{where} ({getattr(target, "__name__", kind)})'
    check = _check_typos if signature.takes_any else check_keys
    marks = {'type', '_scope_'} | ({'_delete_'} if where.startswith('stages.') else set())  # options are not merged yet
    check(node.keys() - marks, known, place)
    if _is_built_alone(where, target, entries):
        declared = needs_of(target)
        for name in signature.required:
            if name in node or name in GIVEN_BY_BUILDERS.get(registry, ()):
                continue
            if name not in declared:
                raise ConfigError(f'{place}: missing argument {name!r}')
            if not has_path(cfg, declared[name]):
                raise ConfigError(f'{place}: {missing(name, declared[name])}')
    for name, text in signature.no_numbers(node).items():
        raise ConfigError(f'{place}: {name} must be a number, found {text!r}')


def _is_built_alone(where: str, target: object, entries: set[str]) -> bool:
    """Whether an object gets all its arguments from its node: free variables and layers are given more by builders."""
    entry = re.split(r'[.\[]', where)[0]
    layer = (target.__module__ or '').startswith(('torch.nn', 'mmcv.cnn', 'mmcv.ops'))
    return entry in entries and not where.endswith('_cfg') and not layer
