"""Test pipelines of depth that use no true joint: the hand is found in the depth itself."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

from mmengine.config import Config

from handkd.size_checks import leaf_datasets, type_name


def find_hands(cfg: Config) -> Config:
    """Return a copy of a config whose test set is cropped around hands found in its depth (:func:`found_steps`).

    Args:
        cfg: A config with a ``test_dataloader``.

    Raises:
        ValueError: If one of its pipelines has no depth to find hands in; names it.
    """
    cfg = copy.deepcopy(cfg)
    for where, dataset in leaf_datasets(cfg, 'test_dataloader'):
        dataset['pipeline'] = found_pipeline(cfg, where, dataset)
    return cfg


def found_pipeline(cfg: Config, where: str, dataset: Mapping) -> list[dict]:
    """Return the pipeline of a data set, changed to use no true joints (:func:`found_steps`).

    Args:
        cfg: The config that the data set is in.
        where: Its dotted key there.
        dataset: Its settings.

    Raises:
        ValueError: If its pipeline has no depth to find hands in; names it.
    """
    try:
        return found_steps(dataset.get('pipeline') or ())
    except ValueError as error:
        raise ValueError(f'{cfg.filename}: {where}.pipeline: {error}') from error


def found_steps(steps: Sequence[Mapping]) -> list[dict]:
    """Return a pipeline of depth that uses the hand found in the depth instead of true joints.

    The hand is found first; squares and cubes are then centred on it (``center='hand'``), and masks, if requested
    (``HandMaskFromDepth``, ``DepthToCube(hand_only=True)``), are the pixels in the cube. A pipeline that has a
    ``FindHandCube`` already is left as it is.

    Args:
        steps: The settings of the transforms; they are not changed.

    Raises:
        ValueError: If there is no DepthToCube among them.
    """
    names = [type_name(step) for step in steps]
    if 'DepthToCube' not in names:
        raise ValueError(f'hands can be found in depth only: expected a DepthToCube among the steps, found {names}')
    if 'FindHandCube' in names:
        return [dict(step) for step in steps]
    scaling = steps[names.index('DepthToCube')]
    edge = dict(cube=scaling['cube']) if 'cube' in scaling else {}
    found: list[dict] = [dict(type='FindHandCube', **edge)]
    for name, step in zip(names, steps):
        if name == 'HandMaskFromDepth':
            continue
        if name in ('HandCrop', 'DepthToCube'):
            step = dict(step, center='hand')
        if name == 'DepthToCube' and (step.get('hand_only') or 'HandMaskFromDepth' in names):
            found.append(dict(type='HandMaskFromCube', **edge))
        found.append(dict(step))
    return found
