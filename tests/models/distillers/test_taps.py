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


HEAT = dict(type='HeatmapHead', in_channels=8, out_channels=21, deconv_out_channels=(4,), deconv_kernel_sizes=(4,))
SIMCC = dict(
    type='SimCCHead', in_channels=8, out_channels=21, input_size=(32, 16), in_featuremap_size=(8, 4),
    deconv_out_channels=None,
)  # fmt: skip
REGRESSION = dict(type='RegressionHead', in_channels=8, num_joints=21)


@pytest.mark.parametrize(
    ('head', 'features', 'shapes'),
    [
        (HEAT, (2, 8, 4, 4), [(2, 21, 8, 8)]),
        (SIMCC, (2, 8, 4, 8), [(2, 21, 64), (2, 21, 32)]),
        (REGRESSION, (2, 8), [(2, 21, 2)]),
    ],
)
def test_a_head_of_mmpose_is_read_though_its_forward_is_called_without_hooks(head, features, shapes):
    module = nn.ModuleDict({'head': MODELS.build(head)})
    check_taps(module, ['head'], "the teacher 'depth'")
    features = torch.randn(features, requires_grad=True)
    with pytest.raises(KeyError), record_taps(module, ['head']) as taps:
        output = module['head'].forward((features,))
        raise KeyError
    assert taps['head'] is output
    found = output if isinstance(output, tuple) else (output,)
    assert [tuple(one.shape) for one in found] == shapes
    sum(one.sum() for one in found).backward()
    assert features.grad is not None
    module['head'].forward((features * 2,))
    assert taps['head'] is output


def test_a_layer_that_did_not_run_is_named():
    module = net()
    with record_taps(module, ['head', 'head.0']) as taps:
        module['head'][0](torch.zeros(1, 2))
    with pytest.raises(ValueError, match=r"layer 'head' was not called in this forward pass.*\['head\.0'\]"):
        taps['head']
