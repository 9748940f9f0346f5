import pytest
import torch

from handkd.models.distillers import gradient_ratios


def test_ratios_are_those_of_the_gradients_norms():
    x = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)
    first = x * 2
    second = (first + 1, first**2, 'no tensor', None)
    pose = second[0].sum() + 4 * second[1].sum()
    mimic = 0.5 * first.square().sum()
    ratios = gradient_ratios(pose, dict(mimic=mimic, mask=3 * second[1].sum()), dict(first=first, second=second))
    value = first.detach()
    pose_first = 1 + 8 * value
    assert ratios['gradient_mimic/first'].item() == pytest.approx((value.norm() / pose_first.norm()).item())
    assert ratios['gradient_mask/first'].item() == pytest.approx(((6 * value).norm() / pose_first.norm()).item())
    # At the second layer's two tensors: the pose has 1 and 4 in each place, the mask 0 and 3.
    assert ratios['gradient_mask/second'].item() == pytest.approx(3 / 17**0.5)
    assert set(ratios) == {'gradient_mimic/first', 'gradient_mask/first', 'gradient_mask/second'}  # not mimic/second


def test_what_no_gradient_reaches():
    x = torch.ones(2, requires_grad=True)
    layer, other = x * 1, x * 3
    constant = torch.tensor(1.0)
    assert gradient_ratios(layer.sum(), dict(a=constant), dict(frozen=torch.ones(2), layer=layer)) == {}
    assert gradient_ratios(other.sum(), dict(a=layer.sum()), dict(layer=layer))['gradient_a/layer'] == float('inf')


def test_nothing_is_said_of_a_layer_at_which_nobody_pulls():
    layer = torch.ones(2, requires_grad=True) * 1
    assert gradient_ratios((0 * layer).sum(), dict(a=(0 * layer).sum()), dict(layer=layer)) == {}


def test_the_training_step_after_it_is_not_changed():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    layer = x.square()
    losses = [layer.sum(), layer.square().sum()]
    gradient_ratios(losses[0], dict(b=losses[1]), dict(layer=layer))
    assert x.grad is None
    sum(losses).backward()
    assert torch.equal(x.grad, 2 * x + 4 * x**3)
