"""Recipe of a pack in a config: used to make the pack on first use, and to distinguish it from others."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path

from mmengine.registry import Registry

from handkd.datasets.file_dataset import HandFileDataset
from handkd.datasets.label_digests import digest_labels
from handkd.datasets.transforms import HandCrop
from handkd.hints import ConfigError, check_keys
from handkd.registry import DATASETS, TRANSFORMS

from .crops import margin_for
from .manifest import Manifest
from .writing import PackSettings

RECIPE_KEYS = ('source', *(item.name for item in fields(PackSettings) if item.name != 'format'))
_CROP = ('rule', 'factor', 'cube', 'root')
_SAME_PIXELS = ('data_root', 'modalities', 'on_corrupt')
"""Settings of a source that may change after packing: its folder, and those that only decide which files are read."""
_MOST_SAMPLES = 1 << 26
_MOST_PIXELS = 16384
"""Upper bounds of the size of a source that is built from a pack's manifest, and of the side of its images."""


def source_config(dataset: Mapping, modalities: tuple[str, ...] | None = None) -> dict:
    """Return the config of a data set for packing: without pipeline, with all modalities to pack.

    Args:
        dataset: The config of the data set.
        modalities: The modalities to pack. Defaults to None: all that the set has.
    """
    source = {key: value for key, value in dataset.items() if key != 'pipeline'}
    kind = DATASETS.get(source['type'])
    if kind is not None and issubclass(kind, HandFileDataset):
        source['modalities'] = list(modalities or kind.offers(source))
    return source


def stored_source(manifest: Manifest, where: str) -> dict:
    """Return the config of the data set that a pack was made from, for building it.

    A pack may come from an untrusted source, and a registry imports and calls any class that a config names by its
    module, and the module ``registry`` of any scope that it names. So only names that are registered with handkd are
    admitted, at any depth: as transforms in a ``pipeline`` and as data sets everywhere else. Nor may it request a set
    of another size than that of the pack, or huge images.

    Args:
        manifest: The pack's manifest.
        where: The pack, for errors.

    Raises:
        ConfigError: If another type or scope is named, or an argument that its class does not have; names it. Or if the
            set has another number of samples than the pack was made from, or too large images.
        OSError, ValueError: If the set can't be built.
    """
    config = manifest.source['config']
    if not isinstance(config, Mapping) or 'type' not in config:
        raise ConfigError(f"{where}: 'source.config' has no type, expected the data set that the pack was made from")
    nodes = list(_nodes_in(config, DATASETS))
    for node, known in nodes:
        kind, scope = node.get('type'), node.get('_scope_')
        if 'type' in node and not (isinstance(kind, str) and kind in known.module_dict):
            raise ConfigError(
                f'{where}: its source is a {kind!r}, which is not registered with handkd as a {known.name} and is not '
                "built from a file: if it is your own class, list its module in the config's custom_imports"
            )
        if scope not in (None, 'handkd'):
            raise ConfigError(f"{where}: names the scope {scope!r} in its source, expected 'handkd' or none")
    for node, known in nodes:
        arguments = inspect.signature(known.module_dict[node['type']]).parameters if 'type' in node else {}
        if arguments and all(argument.kind != argument.VAR_KEYWORD for argument in arguments.values()):
            place = f'{where}: its source {node["type"]}'
            check_keys(node.keys() - {'type', '_scope_'}, arguments, place)
    _check_extent(manifest, where)
    return config


def _check_extent(manifest: Manifest, where: str) -> None:
    """Check that building and reading a pack's source takes bounded time and memory."""
    config, packed = manifest.source['config'], manifest.source['length']
    for key, number in _integers_in(config, ''):
        most = _MOST_PIXELS if key == 'resolution' else max(_MOST_PIXELS, min(packed, _MOST_SAMPLES))
        if key != 'seed' and number > most:
            raise ConfigError(f'{where}: its source has {key}={number}, expected at most {most}')
    found = len(build_source(config, manifest.on_corrupt))
    if found != packed or found > _MOST_SAMPLES:
        raise ConfigError(
            f'{where}: its source has {found} samples, expected {packed}, from which the pack was made, and at most '
            f'{_MOST_SAMPLES}: restore the source, or pack it again'
        )


def _integers_in(node: object, key: str) -> Iterator[tuple[str, int]]:
    """Yield every integer in a config, with the key that it belongs to."""
    if isinstance(node, Mapping):
        for name, value in node.items():
            yield from _integers_in(value, name)
    elif isinstance(node, (list, tuple)):
        for value in node:
            yield from _integers_in(value, key)
    elif isinstance(node, int):
        yield key, node


def _nodes_in(node: object, known: Registry) -> Iterator[tuple[Mapping, Registry]]:
    """Yield every dict in a config, with the registry in which its type is looked up."""
    if isinstance(node, Mapping):
        yield node, known
        for key, value in node.items():
            yield from _nodes_in(value, TRANSFORMS if key == 'pipeline' else known)
    elif isinstance(node, (list, tuple)):
        for value in node:
            yield from _nodes_in(value, known)


def build_source(source: Mapping, on_corrupt: str) -> object:
    """Build the data set to pack; if bad samples may be skipped, missing images are no error when it is opened."""
    kind = DATASETS.get(source['type'])
    lenient = on_corrupt == 'skip' and kind is not None and issubclass(kind, HandFileDataset)
    return DATASETS.build(dict(source, on_corrupt='skip') if lenient else dict(source))


def read_recipe(recipe: Mapping) -> tuple[dict, PackSettings]:
    """Return the config of the source, and the settings, of a recipe.

    Args:
        recipe: ``source``, the config of a data set, and any of the other fields of :class:`~.writing.PackSettings`
            but ``format``. The margin is :func:`~.crops.margin_for`'s unless it is given.

    Raises:
        ConfigError: If a key is unknown, or the source is missing.
    """
    check_keys(recipe, RECIPE_KEYS, 'recipe')
    if 'type' not in (recipe.get('source') or {}):
        raise ConfigError("recipe: 'source' must be the config of a data set, with its type")
    settings = dict(margin=margin_for()) | {key: value for key, value in recipe.items() if key != 'source'}
    if settings.get('modalities') is not None:
        settings['modalities'] = tuple(settings['modalities'])
    settings = PackSettings(**settings)
    return source_config(recipe['source'], settings.modalities), settings


def check_recipe(manifest: Manifest, recipe: Mapping, where: str) -> None:
    """Check that a pack has a recipe; the number of shards and the folder of the source are not compared.

    Raises:
        ConfigError: If it has another one; names what differs.
    """
    source, settings = read_recipe(recipe)
    old, new = _described(manifest.source['config'], manifest), _described(source, settings)
    if settings.modalities is None:
        del old['modalities'], new['modalities']
    absent = 'not there'
    differing = [key for key in dict.fromkeys([*old, *new]) if old.get(key, absent) != new.get(key, absent)]
    if differing:
        what = '; '.join(f'{key} is {old.get(key, absent)!r}, not {new.get(key, absent)!r}' for key in differing)
        raise ConfigError(
            f'{where} is a pack of another recipe: {what}. Set another folder as data_root, or delete this one'
        )


def check_labels(manifest: Manifest, recipe: Mapping, where: str) -> None:
    """Check that a pack was made from the present labels of its recipe's source, if the source's files exist.

    For a pack without digest, made before packs had one, only the number of samples is compared.

    Raises:
        ConfigError: If it was not; names both.
        OSError, ValueError: If the source exists but can't be read.
    """
    source, settings = read_recipe(recipe)
    kind = DATASETS.get(source['type'])
    if kind is None or not issubclass(kind, HandFileDataset) or not Path(source['data_root']).is_dir():
        return
    dataset = build_source(source, settings.on_corrupt)
    found = (manifest.source['length'], manifest.source.get('labels'))
    now = (len(dataset), None if found[1] is None else digest_labels(dataset))
    if found != now:
        raise ConfigError(
            f'{where} is a pack of other labels: it was made from {_said(*found)}, but {source["data_root"]!r} has '
            f'{_said(*now)}. Delete this folder to pack again, or set another one as data_root'
        )


def _said(length: int, digest: str | None) -> str:
    return f'{length} samples' + ('' if digest is None else f' with the digest {digest}')


def _described(source: Mapping, settings: Manifest | PackSettings) -> dict:
    """Return the settings that decide the samples of a pack, as in JSON, with HandCrop's defaults filled in."""
    found = {f'source.{key}': value for key, value in source.items() if key not in _SAME_PIXELS}
    found |= vars(HandCrop(**{key: getattr(settings, key) for key in _CROP}))
    found |= {key: getattr(settings, key) for key in ('margin', 'size', 'border', 'depth_unit', 'modalities')}
    return json.loads(json.dumps(found, default=str))
