import numpy as np
import pytest
import torch
from mmengine.structures import BaseDataElement

from handkd.hints import ConfigError
from handkd.models.distillers import ChannelWise, DistillContext, channel_divergence


def transcribed(student, teacher, temperature):
    """The paper's loss in loops over samples, channels and positions."""
    total = 0.0
    for own, wanted in zip(student, teacher):
        for s, t in zip(own, wanted):
            s, t = (np.exp(maps.ravel() / temperature) for maps in (s, t))
            s, t = s / s.sum(), t / t.sum()
            total += temperature**2 / len(own) * sum(q * np.log(q / p) for p, q in zip(s, t))
    return total / len(student)


@pytest.mark.parametrize('temperature', [1.0, 4.0])
def test_it_is_the_papers_loss(temperature):
    student, teacher = np.random.default_rng(0).normal(size=(2, 3, 4, 5, 6))
    got = channel_divergence(torch.tensor(student), torch.tensor(teacher), temperature)
    assert got.item() == pytest.approx(transcribed(student, teacher, temperature), rel=1e-10)


def test_two_positions_in_closed_form():
    student = torch.zeros(1, 1, 1, 2, dtype=torch.float64)  # one half each
    teacher = torch.tensor([[[[0.0, np.log(3.0)]]]])  # a quarter and three quarters
    expected = 0.25 * np.log(0.5) + 0.75 * np.log(1.5)
    assert channel_divergence(student, teacher, 1.0).item() == pytest.approx(expected)
    assert channel_divergence(teacher + 7, teacher, 1.0).item() == pytest.approx(0)  # a constant has no effect


def test_gradient():
    student, teacher = torch.randn(2, 2, 3, 2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    weights = torch.tensor([2.0, 0.5], dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda maps: channel_divergence(maps, teacher, 2.0, weights), student.requires_grad_()
    )


def test_the_distiller_reads_its_layers_in_float32_and_weighs_samples():
    student, teacher = torch.randn(2, 2, 3, 4, 4)
    samples = [BaseDataElement(metainfo=dict(loss_weight=weight)) for weight in (2.0, 0.0)]
    distiller = ChannelWise('backbone', 'big', 'neck', temperature=2.0, weight=3.0)
    assert (distiller.student_taps, distiller.teacher_taps) == (('backbone',), {'big': ('neck',)})
    taps = {'backbone': (student[:, :1], student.bfloat16())}, {'big': {'neck': (teacher,)}}
    with torch.autocast('cpu', torch.bfloat16):
        losses = distiller(DistillContext(*taps, {}, samples))
    expected = 3 * channel_divergence(student.bfloat16().float()[:1], teacher[:1], 2.0)
    torch.testing.assert_close(losses, {'channel': expected})


def test_an_adapter_converts_channels_and_size():
    adapter = dict(type='FeatureAdapter', in_channels=3, out_channels=5)
    distiller = ChannelWise('backbone', 'big', adapter=adapter)
    context = DistillContext(
        {'backbone': torch.randn(2, 3, 4, 4)}, {'big': {'backbone': torch.randn(2, 5, 8, 8)}}, {}, []
    )
    with torch.autocast('cpu', torch.bfloat16):
        loss = distiller(context)['channel']
    loss.backward()
    assert loss.dtype == torch.float32 and distiller.adapter.conv.weight.grad.abs().sum() > 0


def test_what_does_not_fit_is_refused():
    with pytest.raises(
        ValueError, match=r"\(1, 2, 4, 4\).*\(1, 3, 4, 4\) differ: .*'FeatureAdapter', in_channels=2, out_channels=3"
    ):
        channel_divergence(torch.zeros(1, 2, 4, 4), torch.zeros(1, 3, 4, 4))
    with pytest.raises(ConfigError, match='temperature must be positive, found 0'):
        ChannelWise('backbone', 'big', temperature=0)
    context = DistillContext({'head': torch.zeros(1, 2)}, {'big': {'head': torch.zeros(1, 2, 4, 4)}}, {}, [])
    with pytest.raises(ValueError, match=r'ChannelWise: student\.head gives \(1, 2\), expected a feature map'):
        ChannelWise('head', 'big')(context)
