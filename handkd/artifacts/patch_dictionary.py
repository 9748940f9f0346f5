"""The patch dictionary that a config names: built once from a labelled set, kept in a folder, and checked on use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
from mmengine.config import Config
from mmengine.logging import print_log

from handkd.datasets.label_digests import digest_labels
from handkd.hints import ConfigError, check_keys
from handkd.registry import ARTIFACTS, DATASETS

from .base import Artifact, progress_bar, settings_digest

if TYPE_CHECKING:  # it loads FAISS, and every config that is read imports this module
    from handkd.restoration import ExactSearch, IndexedSearch

_AT_ONCE = 256
"""Samples that go through the set's pipeline together."""


@ARTIFACTS.register_module()
class PatchDictionaryFolder(Artifact):
    """A dictionary of label patches and its index: ``patch_dictionary`` of a config.

    An interrupted run is continued; a dictionary that another process is making is waited for.

    Args:
        cfg: The config; not used.
        folder: Folder of the dictionary.
        dataset: Config of a set whose samples have ``gt_fields.part_seg``.
        maps: Number of its maps that are used, from the first on. Defaults to None: all.
        index: Settings of the index, the fields of :class:`~handkd.restoration.IndexSettings`. Defaults to None: {}.

    Attributes:
        search: The search in the dictionary, once it is made.

    Raises:
        ConfigError: If a key of ``index`` is unknown.
    """

    entry, key = 'patch_dictionary', 'folder'
    waits = True
    search: ExactSearch | IndexedSearch

    def __init__(
        self, cfg: Config, folder: str, dataset: Mapping, maps: int | None = None, index: Mapping | None = None
    ) -> None:
        from handkd.restoration import IndexSettings

        super().__init__(folder)
        check_keys(index or {}, IndexSettings.__dataclass_fields__, 'patch_dictionary.index')
        self.dataset_cfg, self.maps, self.index = dataset, maps, IndexSettings(**index or {})

    def fingerprint(self) -> Mapping:
        """Return class, settings and labels of the set, and the number of maps.

        Raises:
            ConfigError: If the set has fewer maps.
            OSError: If it can't be read.
        """
        dataset = DATASETS.build(self.dataset_cfg)
        number = len(dataset) if self.maps is None else self.maps
        if not 0 < number <= len(dataset):
            raise ConfigError(
                f'patch_dictionary: maps must be from 1 to {len(dataset)}, the length of its set, found {number!r}'
            )
        return dict(
            dataset=type(dataset).__name__,
            maps=number,
            digest=settings_digest(self.dataset_cfg, ('data_root',)),
            labels=digest_labels(dataset, rasters=True),
        )

    def is_made(self, fingerprint: Mapping) -> bool:
        """Return False: :meth:`make` itself checks sources, checksums and the index, and makes only what is missing."""
        return False

    def make(self, fingerprint: Mapping) -> None:
        """Build the missing parts, check the existing ones, and open the search; see :meth:`Artifact.make`.

        Raises:
            ValueError: If the folder holds a dictionary of another set or of other labels, or another index, or is
                damaged, or a sample has no parts.
            OSError: If the set can't be read.
        """
        from handkd.restoration import build_dictionary, open_search

        number = fingerprint['maps']
        with progress_bar('label maps', number) as bar:
            dictionary = build_dictionary(
                self.path,
                lambda start: read_maps(self.dataset_cfg, start, number),
                dict(fingerprint),
                progress=bar.update,
            )
        with progress_bar('indexing', number) as bar:
            self.search = open_search(self.path, self.index, progress=bar.update)
        print_log(f'{self.path}: {dictionary.num_patches} patches of {number} maps', 'current')


def open_dictionary(cfg: Config) -> ExactSearch | IndexedSearch:
    """Open the patch dictionary that a config names; it and its index are built if they are missing.

    Args:
        cfg: A config with ``patch_dictionary``, see :class:`PatchDictionaryFolder`.

    Returns:
        The search in the dictionary.

    Raises:
        ConfigError: If the entry is missing, one of its keys is unknown or missing, or the set has fewer maps.
        ValueError, OSError: As :meth:`PatchDictionaryFolder.make` does.
    """
    if cfg.get('patch_dictionary') is None:
        raise ConfigError('patch_dictionary is missing in the config: set dict(folder=PATH, dataset=CONFIG)')
    artifact = PatchDictionaryFolder.from_config(cfg)
    artifact.ensure()
    return artifact.search


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
