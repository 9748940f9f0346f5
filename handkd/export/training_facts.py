"""Facts about the training of a checkpoint."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from mmengine.config import Config

from handkd.hints import ConfigError
from handkd.models import read_checkpoint

_SETTINGS = ('model', 'train_dataloader', 'optim_wrapper', 'param_scheduler', 'train_cfg', 'custom_hooks')
"""Entries of a config that decide what a training gives."""


def training_facts(name: str, cfg: Config, checkpoint: str | PathLike, options: Sequence[str] = ()) -> dict:
    """Return the facts about a training that its checkpoint and its config tell.

    Args:
        name: What the config is called on the command line.
        cfg: The config.
        checkpoint: A checkpoint that handkd has written.
        options: The overrides of the config, as given to ``--cfg-options``. Defaults to ().

    Returns:
        ``config``, the name; ``seed``, ``steps``, ``images`` (all that were seen); ``command``, which trains it; and
        ``other_settings``, the entries of the config that were not the same in the training.

    Raises:
        ConfigError: If the checkpoint does not tell: it is none of a training by handkd, or the seed was not set.
    """
    meta = read_checkpoint(checkpoint).get('meta', {})
    missing = [key for key in ('seed', 'iter', 'samples', 'cfg') if meta.get(key) is None]
    if missing:
        raise ConfigError(
            f'{checkpoint}: its training is unknown, {missing} are missing in its meta information: expected a '
            'checkpoint that handkd train has written'
        )
    if meta['seed'] != cfg.randomness.seed:
        options = [*options, f'randomness.seed={meta["seed"]}']
    words = ['handkd train', name, f'--work-dir work_dirs/{Path(name).stem}']
    words += ['--cfg-options', *options] if options else []
    return dict(
        config=name,
        seed=meta['seed'],
        steps=meta['iter'],
        images=meta['samples'],
        command=' '.join(words),
        other_settings=changed_settings(cfg.pretty_text, meta['cfg']),
    )


def changed_settings(config: str, trained: str) -> list[str]:
    """Return the entries that decide a training and differ between the texts of two configs; the texts are not run."""
    ours, theirs = _entries(config), _entries(trained)
    return [key for key in _SETTINGS if ours.get(key) != theirs.get(key)]


def _entries(text: str) -> dict[str, object]:
    """Return the entries of a config's text, each as plain data that does not depend on the order of keywords."""
    assigned = [node for node in ast.parse(text).body if isinstance(node, ast.Assign)]
    return {node.targets[0].id: _plain(node.value) for node in assigned if isinstance(node.targets[0], ast.Name)}


def _plain(node: ast.expr) -> object:
    if isinstance(node, ast.Call):  # dict(a=1)
        return {word.arg: _plain(word.value) for word in node.keywords}
    if isinstance(node, ast.Dict):
        return {ast.unparse(key): _plain(value) for key, value in zip(node.keys, node.values)}
    if isinstance(node, (ast.List, ast.Tuple)):
        return [_plain(one) for one in node.elts]
    return ast.unparse(node)
