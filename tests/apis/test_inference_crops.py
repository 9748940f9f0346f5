"""The crops of inference are those of each config's own test pipeline, and what is predicted in them comes back right."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate

from handkd.apis.inference_crops import ZB_MARGIN, ConfigCrop, HandPlace
from handkd.apis.inferencer import HandInferencer
from handkd.apis.runs import student_config
from handkd.datasets.studio import StudioDataset
from handkd.datasets.transforms import HandCrop, PackHandInputs, WarpCrop
from handkd.evaluation import original_pixels
from handkd.geometry import project, unproject
from handkd.registry import MODELS, TRANSFORMS
from handkd.size_checks import leaf_datasets

ROOT = Path(__file__).parents[2]
FULL = dict(split='test', length=40, modalities=('rgb',), resolution=320, factor=3.0, randomisation=dict(view=50.0))
OFF = dict(FULL, crop_noise=dict(scale=(1.0, 1.0), shift=0.3))
"""Photographs in which the hand is not in the middle, and seen off the camera's axis."""


def shipped() -> list:
    """One config of each kind that takes RGB: those whose student, crop and size are alike are one kind."""
    kinds = {}
    for path in sorted((ROOT / 'configs').glob('*/*.py')):
        if path.parent.name == '_base_' or path.name.startswith('ablation_'):
            continue
        cfg = Config.fromfile(path)
        model = student_config(cfg).model
        if model.get('modality', 'rgb') == 'rgb':
            (_, dataset), *_ = leaf_datasets(cfg, 'test_dataloader')
            model = {key: value for key, value in model.items() if key in ('backbone', 'neck', 'head')}
            model = json.dumps(model, sort_keys=True, default=str)
            steps = [step for step in dataset.get('pipeline', ()) if step.type != 'LoadBackground']
            key = model, json.dumps(steps, sort_keys=True), dataset.get('resolution') if len(steps) == 1 else None
            kinds.setdefault(key, (path.relative_to(ROOT / 'configs'), []))[1].append(path.stem)
    return [pytest.param(path, id=f'{path.with_suffix("")}+{len(names) - 1}') for path, names in kinds.values()]


@pytest.fixture(scope='module')
def photo() -> dict:
    """A photograph with a hand and its labels."""
    return StudioDataset(**OFF).get_data_info(3)
