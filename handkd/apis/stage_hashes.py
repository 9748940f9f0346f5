"""Hashes of a stage: of one run, which says whether it may be resumed; and of its config, whatever seed and machine."""

from __future__ import annotations

import functools
import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from mmengine.config import Config

from handkd.config import RUNNER_KEYS

if TYPE_CHECKING:
    from .stages import Stage


def fingerprint(cfg: Config, stage: Stage, fingerprints: dict[str, str]) -> str:
    """Return a hash of all that decides the result: the config's entries but for its folders, and the sources' hashes.

    Variables of the config's files are no entries: how it is assembled decides nothing.

    Args:
        cfg: The config that runs, with its seed.
        stage: The stage.
        fingerprints: Name of each stage before it -> its hash.
    """
    return _digest(_deciding(cfg, stage), stage, fingerprints)


def config_hash(cfg: Config, stage: Stage, hashes: dict[str, str]) -> str:
    """Return a hash that is the same for every seed and machine: :func:`fingerprint`, with absolute paths by their end.

    Args:
        cfg: The config at seed 0, whatever seed has run.
        stage: The stage.
        hashes: Name of each stage before it -> its hash.
    """
    return _digest(portable(_deciding(cfg, stage)), stage, hashes)


def portable(value: object) -> object:
    """Return a config's value without the folders of this machine: an absolute path is replaced by its last part."""
    if isinstance(value, dict):
        return {key: portable(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [portable(entry) for entry in value]
    return Path(value).name if isinstance(value, str) and os.path.isabs(value) else value


def _deciding(cfg: Config, stage: Stage) -> dict:
    """Return the entries of a config that decide a result; of the checkpoints only their names."""
    where = {'work_dir', 'experiment_name', 'stages', *([] if stage.start is None else ['load_from'])}
    fields = {k: v for k, v in cfg.to_dict().items() if k in RUNNER_KEYS - where}
    for key in stage.paths:
        if stage.baseline:  # its model is the student
            key = key.replace('model.student.', 'model.', 1)
        *parents, last = key.split('.')
        node = functools.reduce(dict.__getitem__, parents, fields)
        node[last] = Path(node[last]).name
    return fields


def _digest(fields: object, stage: Stage, hashes: dict[str, str]) -> str:
    sources = [hashes[source] for source in stage.sources]
    return hashlib.sha256(json.dumps([fields, sources], sort_keys=True, default=str).encode()).hexdigest()
