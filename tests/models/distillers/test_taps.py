import pytest
import torch
from torch import nn

from handkd.models.distillers import check_taps, record_taps
from handkd.registry import MODELS


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


def test_a_head_of_mmpose_is_refused_as_a_whole_but_its_layers_are_read():
    head = dict(type='HeatmapHead', in_channels=8, out_channels=21, deconv_out_channels=(4,), deconv_kernel_sizes=(4,))
    module = nn.ModuleDict({'head': MODELS.build(head)})
    said = r"the teacher 'depth''s layer 'head' .*HeatmapHead.*'head\.deconv_layers', 'head\.final_layer'"
    with pytest.raises(ValueError, match=said):
        check_taps(module, ['head'], "the teacher 'depth'")
    check_taps(module, ['head.final_layer'], "the teacher 'depth'")
    with record_taps(module, ['head.final_layer']) as taps:
        module['head'].forward((torch.zeros(2, 8, 4, 4),))
    assert taps['head.final_layer'].shape == (2, 21, 8, 8)


def test_a_layer_that_did_not_run_is_named():
    module = net()
    with record_taps(module, ['head', 'head.0']) as taps:
        module['head'][0](torch.zeros(1, 2))
    with pytest.raises(ValueError, match=r"layer 'head' was not called in this forward pass.*\['head\.0'\]"):
        taps['head']
