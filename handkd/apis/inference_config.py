"""What inference has to know of a config: the crop of its test pipeline, its depth steps, and the side of its hands."""

from __future__ import annotations

from collections.abc import Mapping

from mmengine.config import Config

from handkd.datasets.packed.recipe import read_recipe
from handkd.datasets.transforms import HandCrop, VirtualCamera, WarpCrop
from handkd.hand import JOINTS, SIDES
from handkd.hints import ConfigError
from handkd.inference.crops import CropSpec
from handkd.inference.depth import DepthSpec
from handkd.registry import DATASETS, TRANSFORMS
from handkd.size_checks import LOADERS, argument, last_cut, leaf_datasets, type_name

from .found_hands import found_pipeline

_SIDE_OF = {'FreiHANDDataset': 'right', 'HO3DDataset': 'right', 'STBDataset': 'left'}
"""Data sets of hands of one side, which have no argument for it."""


def crop_of(cfg: Config) -> CropSpec:
    """Return the crops of a config's test pipeline.

    StudioDataset, which renders crops, has the rule 'square' and its own ``factor``.

    Args:
        cfg: The config.

    Raises:
        ConfigError: If its test pipeline does not choose a square and cut it.
    """
    leaves = [leaf for loader in LOADERS for leaf in leaf_datasets(cfg, loader)]
    if not leaves:
        raise ConfigError(f'{cfg.filename}: test_dataloader.dataset is missing; its pipeline is needed to crop images')
    choose, cut, margin = _read_steps(*leaves[0], str(cfg.filename))
    turns = isinstance(cut, VirtualCamera)
    size = cut.size if turns else cut.size[0]
    root = JOINTS[choose.root] if choose.rule == 'cube' else 'middle_mcp'
    return CropSpec(choose.rule, choose.factor, choose.cube, root, size, cut.border, margin, turns)


def depth_of(cfg: Config) -> DepthSpec:
    """Return the depth steps of a config's test pipeline, around a hand found in the depth instead of true joints.

    Args:
        cfg: The config.

    Raises:
        ValueError: If its test pipeline does not scale depth to a cube.
    """
    leaves = [leaf for loader in LOADERS for leaf in leaf_datasets(cfg, loader)]
    steps = {type_name(step): step for step in found_pipeline(cfg, *leaves[0])}
    find, scale = (TRANSFORMS.build(steps[name]) for name in ('FindHandCube', 'DepthToCube'))
    mask = TRANSFORMS.build(steps['HandMaskFromCube']).cube if 'HandMaskFromCube' in steps else None
    return DepthSpec(find.cube, scale.cube, mask if scale.hand_only else None)


def trained_side(cfg: Config) -> str:
    """Return the side of the hands that a config's network is trained on: 'left', 'right', or 'both', also if unknown.

    A side is known if the training sets show hands of that side only, and no transform mirrors them.

    Args:
        cfg: The config.
    """
    sides: set[str] = set()
    for _, dataset in leaf_datasets(cfg, 'train_dataloader'):
        names = [type_name(step) for step in dataset.get('pipeline') or ()]
        flips = any('Flip' in name for name in names)
        sides |= {*SIDES} if flips else _sides_of((dataset.get('recipe') or {}).get('source') or dataset)
    return sides.pop() if len(sides) == 1 else 'both'


def _sides_of(dataset: Mapping) -> set[str]:
    """Return the sides of the hands in a data set; both if not known."""
    if type_name(dataset) in _SIDE_OF:
        return {_SIDE_OF[type_name(dataset)]}
    one, some = (argument(dataset, name, DATASETS) for name in ('side', 'sides'))
    if one in SIDES and type_name(dataset) != 'CocoHandDataset':  # where it is for hands without a label
        return {one}
    return {*some} if some else {*SIDES}


def _read_steps(where: str, dataset: Mapping, filename: str) -> tuple[HandCrop, WarpCrop | VirtualCamera, float]:
    """Return the transforms that choose and cut a data set's squares, and the margin stored around them."""
    steps, cut = dataset.get('pipeline') or (), last_cut(dataset)
    if cut is None:
        factor, resolution = (argument(dataset, name, DATASETS) for name in ('factor', 'resolution'))
        if factor is not None and resolution is not None:  # StudioDataset renders crops
            return HandCrop('square', factor), WarpCrop(resolution), 1.0
        if dataset.get('recipe'):
            _, made = read_recipe(dataset['recipe'])
            return HandCrop(made.rule, made.factor, made.cube, made.root), WarpCrop(made.size, made.border), made.margin
    choices = [step for step in steps if type_name(step) == 'HandCrop']
    if cut is None or not choices or type_name(cut[1]) not in ('WarpCrop', 'VirtualCamera'):
        raise ConfigError(
            f'{filename}: {where}.pipeline does not crop an image: it must choose a square (HandCrop) and '
            f'cut it (WarpCrop, VirtualCamera); found {[type_name(step) for step in steps]}'
        )
    return TRANSFORMS.build(choices[-1]), TRANSFORMS.build(cut[1]), 1.0
