import pytest
import torch
from mmengine.model import BaseModule
from torch import nn

from handkd.models import CheckpointError, init_weights
from handkd.models.initialisation import is_pretrained


class Layer(BaseModule):
    """A linear layer that may have pretrained weights."""

    def __init__(self, init_cfg=None):
        super().__init__(init_cfg)
        self.linear = nn.Linear(2, 2)


def pretrained(path, **options):
    return dict(type='Pretrained', checkpoint=str(path), **options)


@pytest.fixture
def weights(tmp_path):
    torch.save({'linear.weight': torch.full((2, 2), 3.0), 'linear.bias': torch.full((2,), 4.0)}, tmp_path / 'layer.pth')
    return tmp_path / 'layer.pth'


CONTAINERS = {
    'ModuleDict': lambda layer: nn.ModuleDict(dict(part=layer)),
    'ModuleList': lambda layer: nn.ModuleList([layer]),
    'Sequential': lambda layer: nn.Sequential(nn.Sequential(layer)),
    'plain attribute': lambda layer: layer,
}


@pytest.mark.parametrize('container', CONTAINERS)
def test_pretrained_parts_get_their_weights_wherever_they_are_kept(weights, container):
    layer = Layer(pretrained(weights))
    model = BaseModule()
    model.part = CONTAINERS[container](layer)
    init_weights(model)
    assert (layer.linear.weight == 3).all() and (layer.linear.bias == 4).all() and layer.is_init


def test_a_model_without_init_weights_has_its_pretrained_parts_loaded(weights):
    model = nn.Sequential(Layer(pretrained(weights)))
    init_weights(model)
    assert (model[0].linear.weight == 3).all()


def test_a_missing_file_is_an_error(tmp_path):
    model = nn.Sequential(Layer(pretrained(tmp_path / 'none.pth')))
    with pytest.raises(FileNotFoundError, match=r'none\.pth'):
        init_weights(model)


def test_a_file_without_a_weight_that_fits_is_an_error(weights, tmp_path):
    torch.save({'other.weight': torch.zeros(2, 2)}, tmp_path / 'other.pth')
    model = BaseModule()
    model.head = nn.ModuleList([Layer(pretrained(tmp_path / 'other.pth'))])
    with pytest.raises(CheckpointError, match=r'head\.0 \(Layer\): .*other\.pth has none of its weights; .*prefix'):
        init_weights(model)


def test_pretrained_is_found_in_lists_of_settings_too(weights):
    assert is_pretrained(Layer([dict(type='Constant', val=1), pretrained(weights)]))
    assert not is_pretrained(Layer([dict(type='Constant', val=1)])) and not is_pretrained(nn.Linear(1, 1))
