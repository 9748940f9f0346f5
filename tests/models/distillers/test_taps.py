import pytest
import torch
from torch import nn

from handkd.models.distillers import check_taps, record_taps


def net():
    return nn.ModuleDict({'head': nn.Sequential(nn.Linear(2, 3), nn.ReLU())})


def test_records_with_gradient_and_leaves_no_hook():
    module = net()
    with record_taps(module, ['head.0']) as taps:
        out = module['head'](torch.randn(4, 2))
    (out.sum() + taps['head.0'].sum()).backward()
    assert taps['head.0'].shape == (4, 3)
    assert module['head'][0].weight.grad is not None
    assert not module['head'][0]._forward_hooks


def test_hooks_go_when_the_forward_pass_fails():
    module = net()
    with pytest.raises(RuntimeError), record_taps(module, ['head.0']):
        module['head'](torch.randn(4, 7))
    assert not module['head'][0]._forward_hooks


def test_a_wrong_name_lists_the_nearest_right_ones():
    with pytest.raises(ValueError, match=r"the student has no layer named 'heads\.0'.*'head\.0'"):
        check_taps(net(), ['heads.0'], 'the student')
