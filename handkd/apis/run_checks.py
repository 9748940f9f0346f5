"""Checks and corrections of a config before anything is built for a training."""

from __future__ import annotations

import logging

from mmengine.config import Config
from mmengine.logging import print_log

from handkd.hints import ConfigError

from .strategies import check_strategy

_ENDLESS = ('ReproducibleSampler', 'InfiniteSampler')
_PLAIN = ('DefaultSampler', 'InfiniteSampler')
"""Samplers of MMEngine that yield indices without seeds, in an order that ``ReproducibleSampler`` has as well."""
_SEEDED = ('ReproducibleSampler', 'ViewGroupSampler')
"""Samplers that yield a seed with each index, for the sample's augmentation."""


def check_training(cfg: Config) -> None:
    """Refuse settings with which a training would do nothing, never end, or fail at its first save.

    Raises:
        ConfigError: Names the key, its value and the expected one.
    """
    check_entries(cfg)
    check_strategy(cfg)
    kind = cfg.get('runner_type', 'Runner')
    if kind != 'Runner':
        raise ConfigError(f'runner_type={kind!r} is not supported: handkd has its own runner; leave the key out')
    train_cfg = cfg.get('train_cfg') or {}
    by_epoch = trains_by_epoch(cfg)
    for key in ('max_iters', 'max_epochs'):
        number = train_cfg.get(key)
        if number is not None and (isinstance(number, bool) or not isinstance(number, int) or number < 1):
            raise ConfigError(f'train_cfg.{key} must be a whole number of 1 or more, found {number!r}')
    _check_length(train_cfg, by_epoch)
    saver = (cfg.get('default_hooks') or {}).get('checkpoint') or {}
    if saver.get('out_dir') is not None:
        raise ConfigError(
            f'default_hooks.checkpoint.out_dir={saver["out_dir"]!r} is not supported, since a run is resumed from its '
            'work dir: leave it out and set work_dir'
        )
    if by_epoch and saver.get('by_epoch', True) is False:
        raise ConfigError(
            'train_cfg counts epochs and default_hooks.checkpoint counts steps, but a run can be resumed exactly only '
            'at the end of an epoch: set default_hooks.checkpoint.by_epoch=True and its interval in epochs'
        )
    sampler = (cfg.get('train_dataloader') or {}).get('sampler') or {}
    if by_epoch and sampler_name(sampler) == 'ViewGroupSampler':
        raise ConfigError(
            'train_dataloader.sampler: ViewGroupSampler draws groups without end and has no epochs: set '
            'train_cfg.by_epoch=False and train_cfg.max_iters'
        )
    check_evaluation(cfg, 'val_dataloader')


def _check_length(train_cfg: dict, by_epoch: bool) -> None:
    """Check that a training has one length, in its unit: steps or epochs."""
    needed, other, unit = ('max_epochs', 'max_iters', 'epochs') if by_epoch else ('max_iters', 'max_epochs', 'steps')
    if train_cfg and (needed not in train_cfg or other in train_cfg):
        number = train_cfg.get(needed, 'N')
        raise ConfigError(
            f'train_cfg counts {unit} (by_epoch={by_epoch}) and needs {needed} without {other}, found '
            f'{ {key: train_cfg[key] for key in (needed, other) if key in train_cfg} }: write train_cfg=dict('
            f'_delete_=True, by_epoch={by_epoch}, {needed}={number}, val_interval=...), with val_interval in {unit}'
        )


def check_entries(cfg: Config) -> None:
    """Refuse names instead of dicts among hooks and schedules, such as ``custom_hooks=[EMAHook]``.

    Args:
        cfg: The config.

    Raises:
        ConfigError: For the first one; names its key and the right form.
    """
    for entry in ('custom_hooks', 'param_scheduler', 'default_hooks'):
        given = cfg.get(entry) or []
        if entry == 'custom_hooks' and not isinstance(given, (list, tuple)):
            raise ConfigError(f"{entry} must be a list of dicts such as [dict(type='EMAHook')], found {given!r}")
        if isinstance(given, dict):
            places = {} if 'type' in given else {f'{entry}.{name}': one for name, one in given.items()}
        else:
            places = {f'{entry}[{i}]': one for i, one in enumerate(given)}
        for place, one in places.items():
            if isinstance(one, (str, int, float)):
                example = one if isinstance(one, str) else '...'
                raise ConfigError(f'{place} must be a dict such as dict(type={example!r}), found {one!r}')


def check_evaluation(cfg: Config, loader: str) -> None:
    """Refuse a loader for evaluation whose sampler never ends.

    Args:
        cfg: The config.
        loader: 'val_dataloader' or 'test_dataloader'.

    Raises:
        ConfigError: If its sampler never ends; names the remedy.
    """
    sampler = (cfg.get(loader) or {}).get('sampler') or {}
    name = sampler_name(sampler)
    if name in _ENDLESS:
        raise ConfigError(
            f"{loader}.sampler: {name} never ends, nor would the evaluation: set dict(type='DefaultSampler', "
            'shuffle=False)'
        )
    if name == 'ViewGroupSampler' and sampler.get('batches') is None:
        raise ConfigError(f'{loader}.sampler: ViewGroupSampler never ends without `batches`: set a number of batches')


def trains_by_epoch(cfg: Config) -> bool:
    """Whether the training of a config counts epochs."""
    train_cfg = cfg.get('train_cfg') or {}
    return train_cfg.get('type') == 'EpochBasedTrainLoop' or bool(train_cfg.get('by_epoch', False))


def use_reproducible_sampler(cfg: Config) -> None:
    """Replace MMEngine's samplers in the training loader by ``ReproducibleSampler``.

    Both visit the same samples, each once per pass. But MMEngine's yield no seeds: each pass would augment a sample in
    the same way, and a resumed run could not continue at the sample where it stopped.
    """
    loader = cfg.get('train_dataloader') or {}
    sampler = loader.get('sampler') or {}
    name = sampler_name(sampler)
    if sampler and name not in (*_PLAIN, *_SEEDED):
        print_log(
            f'train_dataloader.sampler: {name} is not one of {", ".join(_SEEDED)}: unless it yields a seed with each '
            'index (handkd.datasets.SampleKey), a sample is augmented alike in every pass, and a resumed run does '
            'not continue at the sample where it stopped',
            'current',
            logging.WARNING,
        )
    if name in _PLAIN:
        loader['sampler'] = dict(
            type='ReproducibleSampler', shuffle=sampler.get('shuffle', True), seed=sampler.get('seed')
        )
        print_log(f'train_dataloader.sampler: {name} is replaced by ReproducibleSampler', 'current')


def sampler_name(sampler: dict) -> str:
    """Return the name of a sampler's class, without its scope."""
    kind = sampler.get('type')
    return getattr(kind, '__name__', str(kind)).rpartition('.')[2]
