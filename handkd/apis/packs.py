"""The packs that a config's data sets are read from: made on first use, and checked afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from mmengine.config import Config
from mmengine.logging import print_log
from tqdm import tqdm

from handkd.config import LOADERS
from handkd.datasets.packed import Packer, build_source, check_labels, check_recipe, load_manifest, read_recipe
from handkd.datasets.packed.manifest import FILE


def ensure_packs(cfg: Config, *loaders: str, workers: int | None = None) -> list[str]:
    """Make the packs that data sets of a config are read from and give a recipe for, unless they exist.

    These are the sets of type ``PackedHandDataset`` with a ``recipe``, whatever they are wrapped in. An interrupted
    run is continued; a pack that another process is making is waited for. An existing pack must have the same recipe,
    and the labels that its source has now, if the source's files exist.

    Args:
        cfg: The config.
        *loaders: Which dataloaders' sets, such as 'train_dataloader'; without any, all.
        workers: Number of processes that pack. Defaults to None: one per core.

    Returns:
        The folders of the packs that such sets are read from.

    Raises:
        ConfigError: If a recipe has an unknown key, or a pack has another recipe or other labels; names what differs.
        ValueError: If an unfinished pack has another recipe, or the source has no samples.
        OSError: If an image can't be read, or a shard can't be written.
    """
    folders: dict[str, None] = {}
    for loader in loaders or LOADERS:
        for node in packed_sets((cfg.get(loader) or {}).get('dataset')):
            if node.get('recipe') is not None:
                _ensure(Path(node['data_root']), node['recipe'], os.cpu_count() if workers is None else workers)
                folders[node['data_root']] = None
    return list(folders)


def packed_sets(node: object) -> Iterator[Mapping]:
    """Yield the settings of all packed sets in a node of a config, whatever they are wrapped in."""
    if isinstance(node, Mapping):
        if is_packed(node):
            yield node
        else:
            for value in node.values():
                yield from packed_sets(value)
    elif isinstance(node, (list, tuple)):
        for value in node:
            yield from packed_sets(value)


def is_packed(settings: Mapping) -> bool:
    """Whether settings are those of a PackedHandDataset, with or without its scope."""
    return str(settings.get('type')).rpartition('.')[2] == 'PackedHandDataset'


def _ensure(folder: Path, recipe: Mapping, workers: int) -> None:
    """Make one pack, unless it exists."""
    if (folder / FILE).is_file() and (manifest := load_manifest(folder)).complete:
        check_recipe(manifest, recipe, str(folder))
        check_labels(manifest, recipe, str(folder))
        return
    source, settings = read_recipe(recipe)
    packer = Packer(build_source(source, settings.on_corrupt), source, folder, settings)
    disable = True if int(os.environ.get('LOCAL_RANK', 0)) else None
    done = packer.manifest.num_samples + len(packer.manifest.skipped)
    print_log(f'{folder}: packing {packer.manifest.source["length"] - done} samples of {source["type"]}', 'current')
    with tqdm(total=packer.manifest.source['length'], initial=done, unit='samples', disable=disable) as bar:
        manifest = packer.run(workers if workers > 1 else 0, bar.update, wait=True)
    left_out = f', {len(manifest.skipped)} left out' if manifest.skipped else ''
    print_log(f'{folder}: {manifest.num_samples} samples in {manifest.num_shards} shards{left_out}', 'current')
