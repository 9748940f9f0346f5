"""Every shipped config: what its parts' ``init_cfg`` ask for happens, wherever in the model a part is kept."""

import json

import numpy as np
import pytest
import torch
from mmengine.config import Config

from handkd.config import hand_out_paths
from handkd.geometry import AngleLimits
from handkd.models import init_weights
from handkd.models.backbones import coarse_joints, frozen_estimator, geometry_encoder
from handkd.models.estimators import distilled_estimator
from handkd.models.initialisation import is_pretrained
from handkd.registry import MODELS

from .test_train_step import CONFIGS, ROOT


@pytest.fixture(scope='module')
def models(tmp_path_factory):
    """The different models of all shipped configs, by the first config that has each."""
    limits = tmp_path_factory.mktemp('limits') / 'limits.json'
    AngleLimits(low=-np.ones((5, 4)), high=np.ones((5, 4))).write(limits)
    found = {}
    for path in CONFIGS:
        cfg = Config.fromfile(ROOT / path)
        if 'angle_limits' in cfg:
            cfg.angle_limits.file = str(limits)
        hand_out_paths(cfg)
        for teacher in cfg.model.get('teachers', {}).values():
            teacher.checkpoint = 'of no matter'
        found.setdefault(json.dumps(cfg.model.to_dict(), sort_keys=True, default=str), (path, cfg.model))
    return list(found.values())


@pytest.fixture(autouse=True)
def no_earlier_stages(monkeypatch):
    """Let networks that earlier stages train do without those checkpoints."""
    for module in (coarse_joints, distilled_estimator, frozen_estimator, geometry_encoder):
        monkeypatch.setattr(module, 'load_weights', lambda *args, **kwargs: None, raising=False)


def pretrained_parts(model):
    return {name: part for name, part in model.named_modules() if is_pretrained(part)}


def write_weights(part, path):
    """Write weights for a part that differ from any random ones, and let it load them."""
    part.init_cfg['checkpoint'] = str(path)
    state = {key: torch.full_like(value, 0.125) for key, value in part.state_dict().items()}
    torch.save({part.init_cfg.get('prefix', '') + key: value for key, value in state.items()}, path)
    return state


def test_every_init_cfg_is_followed_and_pretrained_weights_arrive(models, tmp_path):
    names = set()
    for path, settings in models:
        model = MODELS.build(settings)
        for part in model.modules():
            if getattr(part, 'checkpoint', '') is None:
                part.checkpoint = 'of no matter'
        expected = {
            name: write_weights(part, tmp_path / f'{name}.pth') for name, part in pretrained_parts(model).items()
        }
        init_weights(model)
        left = [n for n, part in model.named_modules() if getattr(part, 'init_cfg', None) and not part.is_init]
        assert left == [], path
        for name, state in expected.items():
            found = model.get_submodule(name).state_dict()
            assert [key for key, value in state.items() if not torch.equal(found[key], value)] == [], path
        names |= expected.keys()
    assert names == {'distillers.feature_loss.network'}


def test_a_missing_file_ends_the_training_before_it_begins(models, tmp_path):
    settings = [cfg for _, cfg in models if 'torchvision' in json.dumps(cfg.to_dict(), default=str)]
    assert settings
    for cfg in settings:
        model = MODELS.build(cfg)
        for part in pretrained_parts(model).values():
            part.init_cfg['checkpoint'] = str(tmp_path / 'none.pth')
        with pytest.raises(FileNotFoundError, match=r'none\.pth'):
            init_weights(model)
