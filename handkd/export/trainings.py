"""The trainings that gave a checkpoint its weights, from its meta information; configs in it are read, never run."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from handkd.hints import ConfigError
from handkd.models import read_checkpoint
from handkd.size_checks import leaf_datasets, type_name

_NEEDED = ('seed', 'iter', 'samples', 'cfg', 'experiment_name')
_WEIGHTS = ('checkpoint', 'pretrained')
"""Arguments of networks that name weights to begin with."""


@dataclass(frozen=True)
class Training:
    """One training of a network.

    Attributes:
        config: Name of its config's file, without suffix.
        seed: Its seed.
        steps: Number of its steps.
        images: Number of all images that it has seen.
        settings: Entries of its config, as of :func:`read_settings`.
        start: Checkpoint whose weights it began with, or None: random weights.
    """

    config: str
    seed: int
    steps: int
    images: int
    settings: Mapping[str, object]
    start: str | None


def studio_trainings(checkpoint: str | PathLike, load_from: str | None) -> list[Training]:
    """Return the trainings that gave a checkpoint its weights, the first one, from random weights, first.

    Args:
        checkpoint: A checkpoint that handkd train has written.
        load_from: Where the checkpoint is that its training began with; None: the training began with random weights.

    Raises:
        ConfigError: If ``load_from`` is not what the checkpoint's training began with, a checkpoint does not tell of
            its training, or a training had other images than the studio's or other weights
            (:func:`check_studio_alone`).
        OSError, ValueError: If a checkpoint can't be read.
    """
    last = read_training(checkpoint)
    if Path(load_from or '').name != Path(last.start or '').name:
        raise ConfigError(
            f'{checkpoint}: load_from: expected {last.start or "None: its training began with random weights"}, found '
            f'{load_from}: use --cfg-options load_from={last.start}'
        )
    check_studio_alone(str(checkpoint), last.settings)
    found, files = [last], [str(checkpoint)]
    path = load_from
    while path:
        found.append(_training_before(files, path))
        files.append(path)
        path = found[-1].start
    return found[::-1]


def _training_before(files: Sequence[str], path: str) -> Training:
    """Read and check the training whose checkpoint the last of some files began with."""
    if '://' in path or path in files:
        raise ConfigError(
            f'{files[-1]}: load_from: a released student starts from random weights, or from a checkpoint that handkd '
            f'train has written before, found {path}'
        )
    try:
        training = read_training(path)
    except OSError as error:
        raise type(error)(f'{files[-1]}: load_from: {error}') from error
    check_studio_alone(path, training.settings)
    return training


def read_training(checkpoint: str | PathLike) -> Training:
    """Return what a checkpoint tells of its training.

    Raises:
        ConfigError: If it does not tell: it is none of a training by handkd, its seed was not set, or it was resumed
            and the log of its beginning is missing.
        OSError, ValueError: If it can't be read.
    """
    meta = read_checkpoint(checkpoint).get('meta', {})
    missing = [key for key in _NEEDED if meta.get(key) is None]
    if missing:
        raise ConfigError(
            f'{checkpoint}: its training is unknown, {missing} are missing in its meta information: expected a '
            'checkpoint that handkd train has written'
        )
    settings = read_settings(meta['cfg'])
    first = _first_settings(Path(checkpoint)) if settings.get('resume') else settings
    config = meta['experiment_name'].rsplit('_', 2)[0]  # date and time follow
    return Training(config, meta['seed'], meta['iter'], meta['samples'], settings, first.get('load_from'))


def _first_settings(checkpoint: Path) -> dict[str, object]:
    """Return the config that a resumed training began with, from the logs beside its checkpoint.

    In the config of a resumed training ``load_from`` is the checkpoint that it was resumed from.
    """
    logs = '*/vis_data/config.py'
    for file in sorted(checkpoint.parent.glob(logs), reverse=True):
        settings = read_settings(file.read_text(encoding='utf-8'))
        if not settings.get('resume'):
            return settings
    raise ConfigError(
        f'{checkpoint}: load_from: its training was resumed, so that only the log of its beginning tells which weights '
        f'it began with: expected {checkpoint.parent / logs} with resume = False, found none'
    )


def check_studio_alone(where: str, settings: Mapping[str, object]) -> None:
    """Check that a training has the studio's renderings as its only images, and no weights besides ``load_from``.

    Args:
        where: File of the settings, for errors.
        settings: Entries of its config.

    Raises:
        ConfigError: If not; names the file, the key, and what was found.
    """
    sets = leaf_datasets(settings, 'train_dataloader')
    for place, dataset in sets or [('train_dataloader.dataset', {})]:
        if type_name(dataset) != 'StudioDataset':
            raise ConfigError(
                f'{where}: {place}.type: a released student is trained on renderings alone: expected StudioDataset, '
                f'found {type_name(dataset)}'
            )
        if dataset.get('backgrounds'):
            raise ConfigError(
                f'{where}: {place}.backgrounds: a released student is trained without a folder of backgrounds: '
                f'expected None, found {dataset["backgrounds"]!r}'
            )
    for place, value in _weights(settings.get('model'), 'model'):
        raise ConfigError(
            f'{where}: {place}: a released student starts from random weights: expected None, found {value!r}'
        )


def _weights(node: object, where: str) -> Iterator[tuple[str, object]]:
    """Yield key and value of all weights that a model's config names."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key in _WEIGHTS and value:
                yield f'{where}.{key}', value
            yield from _weights(value, f'{where}.{key}')
    elif isinstance(node, (list, tuple)):
        for i, value in enumerate(node):
            yield from _weights(value, f'{where}[{i}]')


def read_settings(text: str) -> dict[str, object]:
    """Return the entries of a config's text as plain data; what is no plain data stays text."""
    assigned = [node for node in ast.parse(text).body if isinstance(node, ast.Assign)]
    return {node.targets[0].id: _plain(node.value) for node in assigned if isinstance(node.targets[0], ast.Name)}


def _plain(node: ast.expr) -> object:
    if isinstance(node, ast.Call) and ast.unparse(node.func) == 'dict':  # dict(a=1)
        return {word.arg: _plain(word.value) for word in node.keywords}
    if isinstance(node, ast.Dict):
        return {_plain(key): _plain(value) for key, value in zip(node.keys, node.values)}
    if isinstance(node, (ast.List, ast.Tuple)):
        return [_plain(one) for one in node.elts]
    try:
        return ast.literal_eval(node)
    except ValueError:
        return ast.unparse(node)
