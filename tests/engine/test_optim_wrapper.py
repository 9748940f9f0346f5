import pytest
import torch
from torch import nn

from handkd.engine import AutocastOptimWrapper, bf16_is_fast
from handkd.registry import MODELS


def build(amp):
    net = nn.Linear(4, 4)
    return net, AutocastOptimWrapper(amp=amp, optimizer=torch.optim.Adam(net.parameters()))


@pytest.mark.parametrize(('amp', 'dtype'), [(True, torch.bfloat16), (False, torch.float32)])
def test_the_forward_pass_runs_in_the_chosen_precision_and_gradients_in_float32(amp, dtype):
    net, wrapper = build(amp)
    with wrapper.optim_context(net):
        out = net(torch.randn(2, 4))
    assert out.dtype == dtype
    wrapper.backward(out.float().sum())
    assert net.weight.grad.dtype == torch.float32
    assert net(torch.randn(2, 4)).dtype == torch.float32


def test_heads_of_mmpose_give_float32():
    head = MODELS.build(
        dict(type='HeatmapHead', in_channels=4, out_channels=2, deconv_out_channels=None, deconv_kernel_sizes=None)
    )
    wrapper = AutocastOptimWrapper(amp=True, optimizer=torch.optim.Adam(head.parameters()))
    features = torch.randn(1, 4, 8, 8)
    with wrapper.optim_context(head):
        assert head.final_layer(features).dtype == torch.bfloat16
        assert head.forward((features,)).dtype == torch.float32
    assert 'forward' not in vars(head)


def test_auto_follows_the_hardware(monkeypatch):
    for fast in (True, False):
        monkeypatch.setattr('handkd.engine.optim_wrapper.bf16_is_fast', lambda device, fast=fast: fast)
        assert build('auto')[1].enabled is fast


def test_an_unknown_device_is_not_fast_and_an_unknown_value_refused():
    assert not bf16_is_fast('meta')
    with pytest.raises(ValueError, match="found 'fp16'"):
        build('fp16')
