"""The models of all shipped configs, without the files that earlier stages would write."""

import copy
import json
from functools import lru_cache

import numpy as np
import pytest

from handkd.artifacts import hand_out_paths
from handkd.baseline import derived_config
from handkd.config import load_config
from handkd.geometry import AngleLimits
from handkd.models.backbones import coarse_joints, frozen_estimator, geometry_encoder
from handkd.models.estimators import frozen_teacher
from handkd.studio import dataset as studio_dataset

from .test_train_step import CONFIGS, ROOT

HERE = dict(num_workers=0, persistent_workers=False)
"""Options of a loader that needs no processes."""


@pytest.fixture(scope='session')
def read_model(tmp_path_factory):
    """Return a function that reads the model of a config whose paths lead nowhere, but for the angle limits."""
    limits = tmp_path_factory.mktemp('limits') / 'limits.json'
    AngleLimits(low=-np.ones((5, 4)), high=np.ones((5, 4))).write(limits)

    def read(path, options=None, baseline=False, teacher=None):
        cfg = derived_config(load_config(ROOT / path, options, only='default_scope'), baseline, teacher)
        if 'angle_limits' in cfg:
            cfg.angle_limits.file = str(limits)
        hand_out_paths(cfg)
        for settings in cfg.model.get('teachers', {}).values():
            if 'ema' not in settings:
                settings.checkpoint = 'of no matter'
        return cfg.model

    return read


@pytest.fixture(scope='module')
def models(read_model):
    """The different models of all shipped configs, by the first config that has each."""
    found = {}
    for path in CONFIGS:
        model = read_model(path)
        found.setdefault(json.dumps(model.to_dict(), sort_keys=True, default=str), (path, model))
    return list(found.values())


@pytest.fixture
def no_earlier_stages(monkeypatch):
    """Let networks that earlier stages train do without those checkpoints."""
    for module in (coarse_joints, frozen_estimator, geometry_encoder, frozen_teacher):
        monkeypatch.setattr(module, 'load_weights', lambda *args, **kwargs: None, raising=False)


@pytest.fixture
def rendered_once(monkeypatch):
    """Let the studio render each sample once for all epochs and trainings of a test; gives the options for that.

    What a network sees is the same to the bit: a sample depends on its set's settings and its number alone, and
    augmentation on the sampler's seed.
    """
    render = lru_cache(maxsize=None)(studio_dataset.make_sample)
    monkeypatch.setattr(studio_dataset, 'make_sample', lambda *sample: copy.deepcopy(render(*sample)))
    loaders = [f'{name}_dataloader' for name in ('train', 'val', 'test')]
    return {f'{loader}.{key}': value for loader in loaders for key, value in HERE.items()}
