import pytest
import torch
from torch.nn import functional as F

from handkd.apis.complexity import count_macs
from handkd.models import ViewDecoder


@pytest.mark.parametrize(
    ('options', 'parameters', 'macs'),
    [
        (dict(), 20_488_419, 2_149_318_656),
        (dict(input_size=64, base_channels=16), 2_697_843, 145_981_440),
    ],
)
def test_parameters_and_work_of_the_table(options, parameters, macs):
    net, size = ViewDecoder(**options).eval(), options.get('input_size', 128)
    inputs = torch.rand(1, 200, 3), torch.rand(1, 128), torch.rand(1, 3, size, size)
    assert sum(p.numel() for p in net.parameters()) == parameters
    assert count_macs(net, lambda: net(*inputs)) == macs
    with torch.no_grad():
        assert net(*inputs).shape == (1, 3, size, size)


def test_the_fully_connected_layer_of_the_table():
    assert sum(p.numel() for p in ViewDecoder().fc.parameters()) == 19_693_568


def small(**options):
    torch.manual_seed(0)
    return ViewDecoder(**dict(input_size=32, num_points=5, appearance=6, base_channels=4) | options)


def some(count=2, size=32):
    torch.manual_seed(1)
    return torch.randn(count, 5, 3), torch.randn(count, 6), torch.randn(count, 3, size, size)


def test_it_is_the_network_of_the_specification():
    net = small(dropout=0.0)
    weights = iter([value for value in net.state_dict().values() if value.is_floating_point()])

    def conv(feat, padding=1):
        return F.conv2d(feat, next(weights), next(weights), padding=padding)

    def norm(feat):
        scale, shift = next(weights), next(weights)
        next(weights), next(weights)  # statistics
        return F.batch_norm(feat, None, None, scale, shift, training=True).relu()

    def up(feat):
        return norm(conv(F.interpolate(feat, scale_factor=2, mode='bilinear', align_corners=True)))

    points, appearance, background = some()
    first = F.linear(points.reshape(2, 15), next(weights), next(weights)).relu().reshape(2, 16, 4, 4)
    feat = up(torch.cat([appearance[..., None, None] + torch.zeros(4, 4), first], 1))
    feat = up(conv(conv(feat).relu()).relu())
    feat = up(conv(conv(feat).relu()).relu())
    behind = norm(conv(norm(conv(background))))
    feat = conv(conv(torch.cat([behind, feat], 1)).relu()).relu()
    expected = conv(feat, padding=0)
    assert not list(weights)
    torch.testing.assert_close(net(points, appearance, background), expected)


@pytest.mark.parametrize('place', [0, 1, 2])
def test_all_that_goes_in_comes_out(place):
    net, inputs = small(dropout=0.0), list(some())
    before = net(*inputs)
    inputs[place] = inputs[place].flip(0)
    assert (net(*inputs) - before).abs().amax() > 1e-2


def test_a_matte_lays_the_hand_over_the_background():
    net, (points, appearance, background) = small(dropout=0.0, matte=True), some()
    assert sum(p.numel() for p in net.parameters()) == sum(p.numel() for p in small().parameters()) + 4 + 1
    inner = {}
    net.output.register_forward_hook(lambda module, inputs, output: inner.update(output=output))
    image = net(points, appearance, background)
    hand, share = inner['output'][:, :3], 1 / (1 + (-inner['output'][:, 3:]).exp())
    torch.testing.assert_close(image, share * hand + (1 - share) * background)
    net.output.bias.data[3] = -100.0
    torch.testing.assert_close(net(points, appearance, background), background)


def test_points_are_dropped_in_training_alone():
    net, inputs = small(dropout=0.9), some()
    drawn = [net.unfold(torch.ones(1, 1000)) for _ in range(2)]
    assert 0.03 < (drawn[0] > 0).float().mean() < 0.3 and not torch.equal(*drawn)
    net.eval()
    assert torch.equal(net(*inputs), net(*inputs))


@pytest.mark.parametrize('size', [0, 60])
def test_a_size_that_does_not_double_three_times(size):
    with pytest.raises(ValueError, match=f'multiple of 8, found {size}'):
        ViewDecoder(input_size=size)
