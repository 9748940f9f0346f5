"""The patch dictionary that a config names: built once from a labelled set, kept in a folder, and checked on use."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmengine.logging import print_log
from tqdm import tqdm

from handkd.config import takers
from handkd.datasets.label_digests import digest_labels
from handkd.hints import ConfigError, check_keys
from handkd.registry import DATASETS
from handkd.restoration import ExactSearch, IndexedSearch, IndexSettings, build_dictionary, open_search

_AT_ONCE = 256
"""Samples that go through the set's pipeline together."""


def ensure_dictionary(cfg: Config, *places: str) -> None:
    """Build the patch dictionary that a config names, unless it exists or no entry takes it.

    Args:
        cfg: The config.
        *places: Where to look for entries that take it, some of :data:`handkd.config.PLACES`.

    Raises:
        ConfigError, ValueError, OSError: As :func:`open_dictionary` does.
    """
    if cfg.get('patch_dictionary') is not None and takers(cfg, 'patch_dictionary', places):
        open_dictionary(cfg)


def open_dictionary(cfg: Config, progress: bool = True) -> ExactSearch | IndexedSearch:
    """Open the patch dictionary that a config names; it and its index are built if they are missing.

    The config's ``patch_dictionary`` is ``dict(folder=PATH, dataset=CONFIG, maps=None, index={})``: a set whose samples
    have ``gt_fields.part_seg``; how many of its maps are used, from the first on, None for all; and the settings of the
    index, the fields of :class:`~handkd.restoration.IndexSettings`. An interrupted run is continued; a dictionary that
    another process is making is waited for.

    Args:
        cfg: The config.
        progress: Whether to show bars, where stderr is a terminal. Defaults to True.

    Returns:
        The search in the dictionary.

    Raises:
        ConfigError: If the entry is missing, one of its keys is unknown or missing, or the set has fewer maps.
        ValueError: If the folder holds a dictionary of another set or of other labels, or another index, or is damaged,
            or a sample has no parts.
        OSError: If the set can't be read.
    """
    if cfg.get('patch_dictionary') is None:
        raise ConfigError('patch_dictionary is missing in the config: set dict(folder=PATH, dataset=CONFIG)')
    settings = cfg.patch_dictionary.to_dict()
    check_keys(settings, ('folder', 'dataset', 'maps', 'index'), 'patch_dictionary')
    index = settings.get('index') or {}
    check_keys(index, IndexSettings.__dataclass_fields__, 'patch_dictionary.index')
    for key in ('folder', 'dataset'):
        if key not in settings:
            raise ConfigError(f'patch_dictionary: {key!r} is missing')
    dataset = DATASETS.build(settings['dataset'])
    number = len(dataset) if settings.get('maps') is None else settings['maps']
    if not 0 < number <= len(dataset):
        raise ConfigError(
            f'patch_dictionary: maps must be from 1 to {len(dataset)}, the length of its set, found {number!r}'
        )
    folder = Path(settings['folder'])
    disable = None if progress and not int(os.environ.get('LOCAL_RANK', 0)) else True
    source = dict(
        dataset=type(dataset).__name__,
        maps=number,
        digest=_digest(settings['dataset']),
        labels=digest_labels(dataset, rasters=True),
    )
    with tqdm(desc='label maps', total=number, disable=disable) as bar:
        dictionary = build_dictionary(
            folder, lambda start: read_maps(settings['dataset'], start, number), source, progress=bar.update
        )
    with tqdm(desc='indexing', total=number, disable=disable) as bar:
        search = open_search(folder, IndexSettings(**index), progress=bar.update)
    print_log(f'{folder}: {dictionary.num_patches} patches of {number} maps', 'current')
    return search


def read_maps(dataset_cfg: Mapping, start: int, stop: int) -> Iterator[np.ndarray]:
    """Yield the part maps of a set's samples, each (H, W), uint8.

    Args:
        dataset_cfg: Config of the set, whose pipeline packs ``part_seg``.
        start: Number of the first sample.
        stop: Number of the last sample plus 1.

    Raises:
        ValueError: If the set has fewer samples, or one has no parts.
    """
    dataset = DATASETS.build(dataset_cfg)
    if stop > len(dataset):
        raise ValueError(f'patch_dictionary: {type(dataset).__name__} has {len(dataset)} samples, expected {stop}')
    for first in range(start, stop, _AT_ONCE):
        for item in dataset.__getitems__(range(first, min(first + _AT_ONCE, stop))):
            yield _parts(item['data_samples'])


def _parts(sample) -> np.ndarray:
    """Return a packed sample's part map (H, W)."""
    if 'part_seg' not in sample.get('gt_fields', ()):
        raise ValueError(
            f"patch_dictionary: sample {sample.get('img_id')} has no 'part_seg': put it into PackHandInputs(fields=...)"
        )
    return np.asarray(sample.gt_fields.part_seg)[0]


def _digest(dataset_cfg: Mapping) -> str:
    """Return a digest of a set's settings, without its folder."""
    settings = {key: value for key, value in dataset_cfg.items() if key != 'data_root'}
    return hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()[:12]
