import pytest
import torch
from torch import nn

from handkd.apis.complexity import count_macs
from handkd.models import CPMFeatures


def layers(net, *kinds):
    return [module for module in net.modules() if isinstance(module, kinds)]


@pytest.mark.parametrize(
    ('variant', 'parameters', 'gmac', 'convolutions', 'poolings', 'side'),
    [
        ('yuan14c4p', 13_534_912, 23.82, 14, 4, 16),
        ('posenet', 9_110_720, 21.56, 15, 3, 32),
        ('openpose_hand', 15_894_720, 28.50, 15, 3, 32),
    ],
)
def test_size_and_work_of_each_variant_at_256(variant, parameters, gmac, convolutions, poolings, side):
    with torch.device('meta'):  # shapes alone: no arithmetic
        net, image = CPMFeatures(variant), torch.zeros(1, 3, 256, 256)
    assert sum(p.numel() for p in net.parameters()) == parameters
    assert count_macs(net, lambda: net(image)) / 1e9 == pytest.approx(gmac, abs=0.006)
    assert (len(layers(net, nn.Conv2d)), len(layers(net, nn.MaxPool2d))) == (convolutions, poolings)
    assert net(image).shape == (1, 128, side, side)


def test_one_channel_of_depth_saves_two_channels_of_the_first_convolution():
    assert sum(p.numel() for p in CPMFeatures(in_channels=1).parameters()) == 13_534_912 - 2 * 9 * 64 == 13_533_760


def test_yuans_layer_18_is_the_last_convolution_and_what_the_network_gives():
    net = CPMFeatures(base_channels=8)
    ordered = layers(net, nn.Conv2d, nn.MaxPool2d)
    assert len(ordered) == 18 and ordered[17] is net.conv5_2.conv
    seen = []
    net.conv5_2.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    out = net(torch.rand(2, 3, 64, 64))
    assert out is seen[0] and out.shape == (2, 16, 4, 4) and (out >= 0).all()


def test_every_convolution_has_its_relu_and_each_block_its_pooling():
    net = CPMFeatures('posenet', base_channels=8)
    image = torch.rand(1, 3, 32, 32)
    expected = image
    for conv, pooled in zip(layers(net, nn.Conv2d), [0, 1, 0, 1, 0, 0, 0, 1, *[0] * 7]):
        expected = nn.functional.conv2d(expected, conv.weight, conv.bias, padding=1).clamp(min=0)
        expected = nn.functional.max_pool2d(expected, 2) if pooled else expected
    torch.testing.assert_close(net(image), expected)


def test_initialisation_keeps_the_size_of_the_signal():
    torch.manual_seed(0)
    for options in (dict(), dict(base_channels=16, in_channels=1)):
        net = CPMFeatures(**options)
        net.init_weights()
        images = torch.randn(2, options.get('in_channels', 3), 64, 64)
        assert 0.5 < net(images).square().mean().sqrt() / images.std() < 3


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(variant='yuan14c3p'), "there is no 'yuan14c3p'.*yuan14c4p"),
        (dict(base_channels=0), 'multiple of 2, found 0'),
        (dict(base_channels=7), 'multiple of 2, found 7'),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        CPMFeatures(**options)
