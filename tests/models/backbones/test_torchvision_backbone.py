import sys

import pytest
import torch

from handkd.hints import ConfigError
from handkd.models import TorchvisionBackbone


def installed():
    """Skip without torchvision, in whose place handkd.compat puts a stand-in."""
    pytest.importorskip('torchvision.models')


def test_without_torchvision_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, 'torchvision.models', None)
    with pytest.raises(ModuleNotFoundError, match=r'^handkd needs torchvision: pip install torchvision$'):
        TorchvisionBackbone('mobilenet_v3_small', ['features.12'])


def test_outputs_of_layers():
    installed()
    backbone = TorchvisionBackbone('mobilenet_v3_small', ['features.3', 'features.12'])
    levels = backbone(torch.randn(2, 3, 64, 64))
    assert [tuple(level.shape) for level in levels] == [(2, 24, 8, 8), (2, 576, 2, 2)]
    assert not any('classifier' in name for name, _ in backbone.named_parameters())


def test_unknown_names():
    installed()
    with pytest.raises(ConfigError, match=r"no network 'mobilenet_v3_smal'; did you mean.*'mobilenet_v3_small'"):
        TorchvisionBackbone('mobilenet_v3_smal', ['features.12'])
    with pytest.raises(ConfigError, match=r"mobilenet_v3_small has no layer 'featurs.12'; did you mean.*'features.12'"):
        TorchvisionBackbone('mobilenet_v3_small', ['featurs.12'])
