"""Facts about the training of a student, in one or several parts."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from mmengine.config import Config

from handkd.config import load_config
from handkd.size_checks import leaf_datasets, type_name

from .trainings import Training, read_settings

_SETTINGS = ('model', 'train_dataloader', 'optim_wrapper', 'param_scheduler', 'train_cfg', 'custom_hooks')
"""Entries of a config that decide what a training gives."""


def training_facts(name: str, cfg: Config, parts: Sequence[Training], options: Mapping[str, object]) -> dict:
    """Return the facts about the trainings of a student.

    Args:
        name: What the config of the last one is called on the command line; those of the others are beside it.
        cfg: The config of the last one, as it is trained.
        parts: The trainings, in their order.
        options: Overrides of ``cfg``, dotted key -> value.

    Returns:
        ``config``, the name; ``images``, the number of all that were seen; and ``parts``, for each training

        - ``config``, ``seed``, ``steps`` and ``images``;
        - ``different``, the largest number of different images that its data sets have;
        - ``auxiliary``, the types of the distillers;
        - ``command``, which trains it;
        - ``other_settings``, the entries of the config that were not the same in the training.

    Raises:
        FileNotFoundError: If the config of an earlier part is not beside the last one.
        ConfigError: If it is invalid.
    """
    found = []
    for part in parts[:-1]:
        sibling = str(Path(name).with_name(part.config + Path(name).suffix))
        found.append(_facts(sibling, load_config(sibling), part, _begun({}, part, found)))
    found.append(_facts(name, cfg, parts[-1], _begun(options, parts[-1], found)))
    return dict(config=name, images=sum(part.images for part in parts), parts=found)


def _begun(options: Mapping[str, object], part: Training, before: Sequence[dict]) -> dict[str, object]:
    """Return the options of a training, with the weights where the command of the part before it writes them."""
    if not before:
        return dict(options)
    return dict(options, load_from=f'{_work_dir(before[-1]["config"])}/{Path(part.start).name}')


def _facts(name: str, cfg: Config, part: Training, options: Mapping[str, object]) -> dict:
    """Return the facts about one training."""
    if part.seed != cfg.randomness.seed:
        options = dict(options, **{'randomness.seed': part.seed})
    words = ['handkd train', name, f'--work-dir {_work_dir(name)}']
    words += ['--cfg-options', *(shlex.quote(f'{key}={value}') for key, value in options.items())] if options else []
    sets = leaf_datasets(part.settings, 'train_dataloader')
    distillers = part.settings['model'].get('distillers') or {}
    return dict(
        config=name,
        seed=part.seed,
        steps=part.steps,
        images=part.images,
        different=sum(dataset['length'] for _, dataset in sets),
        auxiliary=sorted({type_name(distiller) for distiller in distillers.values() if distiller}),
        command=' '.join(words),
        other_settings=changed_settings(read_settings(cfg.pretty_text), part.settings),
    )


def _work_dir(name: str) -> str:
    return f'work_dirs/{Path(name).stem}'


def changed_settings(ours: Mapping[str, object], theirs: Mapping[str, object]) -> list[str]:
    """Return the entries that decide a training and differ between two configs."""
    return [key for key in _SETTINGS if ours.get(key) != theirs.get(key)]
