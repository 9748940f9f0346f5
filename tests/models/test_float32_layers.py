import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from handkd.models.float32_layers import Float32Conv2d, Float32Linear
from handkd.models.joint_inceptions import Float32GroupedLinear, GroupedLinear


@pytest.mark.parametrize(
    ('layer', 'plain', 'shape'),
    [
        (Float32Linear(8, 5), nn.Linear(8, 5), (3, 8)),
        (Float32Conv2d(4, 5, 3, padding=1), nn.Conv2d(4, 5, 3, padding=1), (2, 4, 6, 6)),
        (Float32GroupedLinear(4, 3, groups=2), GroupedLinear(4, 3, groups=2), (3, 8)),
    ],
)
def test_under_autocast_they_compute_as_without(layer, plain, shape):
    plain.load_state_dict(layer.state_dict())
    inputs = torch.randn(shape)
    with torch.autocast('cpu', torch.bfloat16):
        out, rounded = layer(inputs), plain(inputs)
        assert layer(inputs.bfloat16()).dtype == torch.float32
    assert torch.equal(out, plain(inputs)) and out.dtype == torch.float32
    assert not torch.equal(rounded.float(), out)
    out.sum().backward()
    assert layer.weight.grad.dtype == torch.float32
    half = copy.deepcopy(layer).bfloat16()
    assert half(inputs).dtype == torch.bfloat16  # a network that was made narrower as a whole


def test_their_inputs_gradients_are_as_narrow_as_they():
    layer = Float32Linear(4, 2)
    inputs = torch.randn(3, 4).bfloat16().requires_grad_()
    with torch.autocast('cpu', torch.bfloat16):
        layer(inputs).square().sum().backward()
    expected = 2 * F.linear(inputs.float(), layer.weight, layer.bias) @ layer.weight
    torch.testing.assert_close(inputs.grad, expected.bfloat16(), atol=0.01, rtol=0.02)
