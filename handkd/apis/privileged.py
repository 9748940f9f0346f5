"""Test sets with inputs that a network does not see: depth, and masks of the hand."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping

from mmengine.config import ConfigDict

from handkd.registry import DATASETS

PACKING = 'PackHandInputs'
_ENDING = ('DepthToCube', PACKING)
"""Transforms at the end of a pipeline; before them no pixel moves any more and depth is still in millimetres."""


def with_depth(settings: Mapping) -> ConfigDict | None:
    """Return the settings of a test set that packs depth with its samples, scaled to a cube around the hand.

    Args:
        settings: The ``dataset`` of a config's dataloader; it is not changed.

    Returns:
        The settings, or None if the set has no depth.

    Raises:
        ValueError: If the pipeline does not end with PackHandInputs.
    """
    settings = _with_modality(settings, 'depth', 'depth')
    if settings is None:
        return None
    pack = _packing(settings)
    pack.modalities = [*dict.fromkeys([*pack.get('modalities', ['rgb']), 'depth'])]
    if not _has(settings, 'DepthToCube'):
        _insert(settings, dict(type='DepthToCube', center='depth'))  # needs no label
    return settings


def with_hand_mask(settings: Mapping) -> ConfigDict:
    """Return the settings of a test set that packs masks of the hand, as ``gt_fields.hand_mask``.

    They are made from depth, as in Yuan et al. 2018, section 4.2
    (:class:`~handkd.datasets.transforms.HandMaskFromDepth`); a set without depth may have masks of its own. A pipeline
    that packs them already is left as it is.

    Args:
        settings: The ``dataset`` of a config's dataloader; it is not changed.

    Raises:
        ValueError: If the set has neither, or the pipeline does not end with PackHandInputs.
    """
    if 'hand_mask' in _packing(settings).get('fields', ()):
        return settings
    found = _with_modality(settings, 'depth', 'depth')
    if found is None:
        found = _with_modality(settings, 'mask', 'hand_mask')
    elif not _has(found, 'HandMaskFromDepth'):
        joint0 = DATASETS.build(settings).metainfo.get('joint0', 'wrist')
        joint0 = 'wrist' if joint0.startswith('wrist') else 'palm'
        _insert(found, dict(type='HandMaskFromDepth', joint0=joint0))
    if found is None:
        raise ValueError(
            f'{settings["type"]}: the test set has neither depth nor masks of the hand, so the background is not '
            'known: use a test set with one of them'
        )
    pack = _packing(found)
    pack.fields = [*pack.get('fields', ()), 'hand_mask']
    return found


def _with_modality(settings: Mapping, modality: str, key: str) -> ConfigDict | None:
    """Return a copy of the settings whose samples have ``key``, or None if the set does not have the modality.

    A set that consists of several has none in this sense: they may differ.
    """
    settings = ConfigDict(copy.deepcopy(dict(settings)))
    dataset = DATASETS.build(settings)
    if not hasattr(dataset, 'get_data_info'):
        return None
    if dataset.get_data_info(0).get(key) is not None:
        return settings
    if 'modalities' not in inspect.signature(DATASETS.get(settings.type)).parameters:
        return None
    settings.modalities = [*settings.get('modalities', ['rgb']), modality]
    try:
        dataset = DATASETS.build(settings)
    except ValueError:  # it was built without this modality a moment ago
        return None
    return settings if dataset.get_data_info(0).get(key) is not None else None


def _packing(settings: Mapping) -> ConfigDict:
    last = settings['pipeline'][-1] if settings.get('pipeline') else {}
    if last.get('type') != PACKING:
        raise ValueError(
            f'{settings["type"]}: the pipeline of the test set must end with {PACKING}, found {last.get("type")!r}'
        )
    return last


def _has(settings: Mapping, transform: str) -> bool:
    return any(step['type'] == transform for step in settings['pipeline'])


def _insert(settings: ConfigDict, transform: dict) -> None:
    """Put a transform before those that end the pipeline."""
    steps = list(settings.pipeline)
    place = next(i for i, step in enumerate(steps) if step['type'] in _ENDING)
    settings.pipeline = [*steps[:place], transform, *steps[place:]]
