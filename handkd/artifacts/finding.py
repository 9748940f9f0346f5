"""Artifacts that a config needs: found by the declarations of its classes, handed out, and made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mmengine.config import Config
from mmengine.registry import init_default_scope

from handkd.hints import ConfigError, did_you_mean
from handkd.lookup import RUNNER_KEYS, find_class
from handkd.needs import needs_of
from handkd.reading import shown
from handkd.registry import ARTIFACTS

from .base import Artifact, Need

_ALL = tuple(sorted(RUNNER_KEYS))
TRAINING = tuple(key for key in _ALL if not key.startswith('test_'))
"""Top-level keys from which a training builds."""
EVALUATION = ('model', 'test_dataloader', 'test_evaluator')
"""Top-level keys from which an evaluation builds."""


def artifact_kinds() -> list[type[Artifact]]:
    """Return the registered kinds, in the order in which their artifacts are made."""
    ARTIFACTS.import_from_location()
    return sorted(ARTIFACTS.module_dict.values(), key=lambda kind: kind.turn)


def artifact_entries() -> dict[str, type[Artifact]]:
    """Return the kinds with their own top-level entry in configs, by its key.

    Raises:
        ConfigError: If two kinds have the same one.
    """
    found: dict[str, type[Artifact]] = {}
    for kind in artifact_kinds():
        if found.setdefault(kind.entry, kind) is not kind and kind.entry:
            raise ConfigError(
                f'{found[kind.entry].__name__} and {kind.__name__} both have the entry {kind.entry!r} of configs: '
                'rename that of one of them'
            )
    found.pop('', None)
    return found


def find_needs(cfg: Config, entries: Iterable[str] = _ALL) -> list[Need]:
    """Return the settings of a config that are paths of artifacts, inner ones first.

    Args:
        cfg: The config.
        entries: Top-level keys to look below. Defaults to _ALL: all that MMEngine builds from.
    """
    return [need for entry in entries for need in _below(cfg.get(entry), entry, ())]


def _below(node: object, where: str, owners: tuple[dict, ...]) -> Iterator[Need]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _below(value, f'{where}.{key}', (*owners, node))
        kind = node.get('type')
        declared = needs_of(find_class(kind)[1] if isinstance(kind, str) else kind)
        yield from (Need(where, node, argument, reference, owners) for argument, reference in declared.items())
    elif isinstance(node, (list, tuple)):
        for i, value in enumerate(node):
            yield from _below(value, f'{where}[{i}]', owners)


def check_need(need: Need) -> None:
    """Check that the artifact which a class declares exists.

    Raises:
        ConfigError: If no kind has the declared entry and key, or name; names the nearest right one.
    """
    known = {f'{entry}.{kind.key}' for entry, kind in artifact_entries().items()}
    known |= {kind.__name__ for kind in artifact_kinds() if not kind.entry}
    if need.reference not in known:
        raise ConfigError(
            f'{need.where} ({need.node["type"]}): its argument {need.argument!r} is declared to be the path of '
            f'{need.reference!r}, but there is no such artifact; {did_you_mean(need.reference, known)}'
        )


def hand_out_paths(cfg: Config, entries: Iterable[str] = _ALL) -> None:
    """Set the paths that a config names once in all settings that take them and have none of their own.

    These are the paths in the entries of :func:`artifact_entries`, such as ``angle_limits.file``, for all classes that
    declare them (:func:`handkd.needs.needs`). So each is given in one place, where the command line can change it.

    Args:
        cfg: The config, changed in place.
        entries: Top-level keys below which paths are set. Defaults to _ALL: all that MMEngine builds from.

    Raises:
        ConfigError: If such an entry is not a dict.
    """
    paths = _paths(cfg)
    for need in find_needs(cfg, entries):
        if paths.get(need.reference) is not None:
            need.node.setdefault(need.argument, paths[need.reference])


def _paths(cfg: Config) -> dict[str, object]:
    """Return the paths that a config names once: 'entry.key' -> path."""
    found = {}
    for entry, kind in artifact_entries().items():
        given = cfg.get(entry) or {}
        if not isinstance(given, dict):
            raise ConfigError(f'{entry} must be a dict, found {shown(given)}')
        found[f'{entry}.{kind.key}'] = given.get(kind.key)
    return found


def has_path(cfg: Config, reference: str) -> bool:
    """Whether a config names the path of a declaration once, as 'entry.key'."""
    return _paths(cfg).get(reference) is not None


def find_artifacts(cfg: Config, *entries: str) -> list[Artifact]:
    """Return the artifacts that some entries of a config need, in the order in which they are to be made.

    Settings that name a path of their own, another than the config's entry, need no artifact.

    Args:
        cfg: The config, in which the paths are handed out.
        *entries: Top-level keys, such as those of :data:`TRAINING` or 'test_dataloader'; without any, all.

    Raises:
        ConfigError: If the entry of an artifact has an unknown key, or lacks one.
    """
    hand_out_paths(cfg)
    entries = entries or _ALL
    paths, found = _paths(cfg), find_needs(cfg, entries)
    artifacts: list[Artifact] = []
    for kind in artifact_kinds():
        reference = f'{kind.entry}.{kind.key}' if kind.entry else kind.__name__
        needs = [need for need in found if need.reference == reference]
        if kind.entry:
            path = paths[reference]
            needs = [need for need in needs if path is not None and need.node.get(need.argument) == path]
        artifacts += kind.collect(cfg, needs, entries)
    return artifacts


def ensure_artifacts(cfg: Config, *entries: str) -> None:
    """Make the artifacts that some entries of a config need, unless they exist, and name their final paths in it.

    Args:
        cfg: The config; paths are handed out, and placeholders in them filled in.
        *entries: Top-level keys, such as those of :data:`TRAINING` or 'test_dataloader'; without any, all.

    Raises:
        ConfigError: If the entry of an artifact is invalid, or an artifact exists but was made from other data or
            settings.
        ValueError: If an artifact is damaged, or can't be made from the data.
        OSError: If the data can't be read, or the artifact can't be written.
    """
    init_default_scope(cfg.get('default_scope', 'handkd'))
    for artifact in find_artifacts(cfg, *entries):
        template = str(artifact.path)
        artifact.ensure()
        if artifact.entry and str(artifact.path) != template:
            rename(cfg, artifact)


def rename(cfg: Config, artifact: Artifact) -> None:
    """Set the path of an artifact in its entry of a config, and in all settings that have the entry's.

    Args:
        cfg: The config, changed in place.
        artifact: The artifact, whose placeholder is filled in.
    """
    settings, key = cfg[artifact.entry], artifact.key
    for need in find_needs(cfg):
        if need.reference == f'{artifact.entry}.{key}' and need.node.get(need.argument) == settings[key]:
            need.node[need.argument] = str(artifact.path)
    settings[key] = str(artifact.path)
