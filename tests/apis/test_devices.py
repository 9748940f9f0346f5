import pytest
import torch

from handkd.apis.devices import find_device
from handkd.inference.inferencer import HandInferencer


@pytest.mark.parametrize('name', ['foo', 'cuda:99', '', 'meta'])
def test_a_device_that_is_not_there_is_one_line(name):
    with pytest.raises(ValueError, match=rf"^--device: '{name}' can't be used, expected one of cpu"):
        find_device(name)
    with pytest.raises(ValueError, match=rf"^--device: '{name}' can't be used"):
        HandInferencer('configs/pmd/demo.py', 'nothing.pth', device=name)  # before anything is built


def test_those_that_are_there():
    assert find_device('cpu') == find_device(torch.device('cpu')) == torch.device('cpu')
    assert find_device().type == ('cuda' if torch.cuda.is_available() else 'cpu')
