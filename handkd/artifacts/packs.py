"""The packs that a config's data sets are read from: made on first use, and checked afterwards."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from os import PathLike

from mmengine.config import Config
from mmengine.logging import print_log

from handkd.datasets.packed import Packer, build_source, check_labels, check_recipe, load_manifest, read_recipe
from handkd.datasets.packed.manifest import FILE
from handkd.lookup import LOADERS
from handkd.registry import ARTIFACTS

from .base import Artifact, Need, progress_bar
from .finding import find_artifacts


@ARTIFACTS.register_module()
class Pack(Artifact):
    """A packed data set, whose recipe is in the settings of its ``PackedHandDataset``.

    An interrupted run is continued; a pack that another process is making is waited for. An existing pack must have the
    same recipe, and the labels that its source has now, if the source's files exist.

    Args:
        folder: Folder of the pack.
        recipe: How it is made, see :class:`~handkd.datasets.PackedHandDataset`.
        workers: Number of processes that pack. Defaults to None: one per core.
    """

    turn = 0
    waits = True

    def __init__(self, folder: str | PathLike, recipe: Mapping, workers: int | None = None) -> None:
        super().__init__(folder)
        self.recipe, self.workers = recipe, os.cpu_count() if workers is None else workers

    @classmethod
    def collect(cls, cfg: Config, needs: Collection[Need], entries: Collection[str]) -> Iterable[Artifact]:
        """Return the packs with a recipe."""
        recipes = [(need.node[need.argument], need.node.get('recipe')) for need in needs]
        return [cls(folder, recipe) for folder, recipe in recipes if recipe is not None]

    def fingerprint(self) -> Mapping:
        """Return the recipe, without defaults filled in."""
        return self.recipe

    def is_made(self, fingerprint: Mapping) -> bool:
        """Whether the pack is complete; see :meth:`Artifact.is_made`."""
        folder = str(self.path)
        if not (self.path / FILE).is_file() or not (manifest := load_manifest(self.path)).complete:
            return False
        check_recipe(manifest, fingerprint, folder)
        check_labels(manifest, fingerprint, folder)
        return True

    def make(self, fingerprint: Mapping) -> None:
        """Make the missing shards; see :meth:`Artifact.make`."""
        source, settings = read_recipe(fingerprint)
        packer = Packer(build_source(source, settings.on_corrupt), source, self.path, settings)
        length, done = packer.manifest.source['length'], packer.manifest.num_samples + len(packer.manifest.skipped)
        print_log(f'{self.path}: packing {length - done} samples of {source["type"]}', 'current')
        with progress_bar('packing', length, done) as bar:
            manifest = packer.run(self.workers if self.workers > 1 else 0, bar.update, wait=True)
        left_out = f', {len(manifest.skipped)} left out' if manifest.skipped else ''
        print_log(f'{self.path}: {manifest.num_samples} samples in {manifest.num_shards} shards{left_out}', 'current')


def make_packs(cfg: Config, *entries: str, workers: int | None = None) -> list[str]:
    """Make the packs that data sets of a config are read from and give a recipe for, unless they exist.

    Args:
        cfg: The config.
        *entries: Which dataloaders' sets, such as 'train_dataloader'; without any, all.
        workers: As in :class:`Pack`. Defaults to None.

    Returns:
        The folders of the packs that such sets are read from.

    Raises:
        ConfigError: If a recipe has an unknown key, or a pack has another recipe or other labels; names what differs.
        ValueError: If an unfinished pack has another recipe, or the source has no samples.
        OSError: If an image can't be read, or a shard can't be written.
    """
    packs = [artifact for artifact in find_artifacts(cfg, *(entries or LOADERS)) if isinstance(artifact, Pack)]
    for pack in packs:
        Pack(pack.path, pack.recipe, workers).ensure()
    return list(dict.fromkeys(str(pack.path) for pack in packs))


def is_packed(settings: Mapping) -> bool:
    """Whether settings are those of a PackedHandDataset, with or without its scope."""
    return str(settings.get('type')).rpartition('.')[2] == 'PackedHandDataset'
