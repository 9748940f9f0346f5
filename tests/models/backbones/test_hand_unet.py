import pytest
import torch
from torch import nn
from torch.nn import functional as F

from handkd.apis.complexity import count_macs
from handkd.models import HandUNet
from handkd.models.distillers.taps import record_taps


@pytest.mark.parametrize(
    ('options', 'parameters', 'macs'),
    [
        (dict(channels=40, num_convs=1, strided=True), 138_002, 516_464_640),
        (dict(num_convs=1, strided=True), 5_361_962, 16_873_684_992),
        (dict(num_stages=2, last_conv=True), 22_569_300, 124_373_696_512),
        (dict(num_stages=2), 21_388_628, 105_046_343_680),
    ],
    ids=['TS500M', 'TS20G', 'TS120G', 'TS120G without last_conv'],
)
def test_size_and_work_of_the_students_at_128(options, parameters, macs):
    with torch.device('meta'):  # shapes alone: no arithmetic
        net, image = HandUNet(**options), torch.zeros(1, 3, 128, 128)
    assert sum(p.numel() for p in net.parameters()) == parameters
    assert count_macs(net, lambda: net(image)) == macs
    maps = net(image)
    assert len(maps) == options.get('num_stages', 1) and {m.shape for m in maps} == {(1, 42, 128, 128)}


def test_parameters_of_the_largest_student_by_hand():
    stem, conv, norm = 3 * 7 * 7 * 256, 256 * 9 * 256, 2 * 256
    output, feature_link, map_link = 256 * 42 + 42, 256 * 256 + 256, 42 * 256 + 256
    assert stem + 38 * conv + 39 * norm + 2 * output + feature_link + map_link == 22_569_300
    with torch.device('meta'):
        net = HandUNet(num_stages=2, last_conv=True)
    kernels = [module.kernel_size[0] for module in net.modules() if isinstance(module, nn.Conv2d)]
    assert (kernels.count(7), kernels.count(3), kernels.count(1)) == (1, 38, 4)


def randomised(net):
    """The net with weights and statistics of which no two layers have the same, in eval mode."""
    for name, value in net.state_dict().items():
        if value.dtype.is_floating_point:
            value.uniform_(0.5, 1.5) if 'running_var' in name or 'bn.weight' in name else value.normal_(std=0.2)
    return net.eval()


def reference(weights, images, num_stages, levels, num_convs, strided, last_conv):
    """The forward pass by hand: the features and the maps of each stage."""

    def block(name, x, number, stride=1):
        for i in range(number):
            conv, norm = f'{name}.{i}.conv.', f'{name}.{i}.bn.'
            kernel = weights[conv + 'weight']
            x = F.conv2d(x, kernel, stride=stride if i == 0 else 1, padding=kernel.shape[-1] // 2)
            mean, var, gain, shift = (
                weights[norm + part].view(-1, 1, 1) for part in ('running_mean', 'running_var', 'weight', 'bias')
            )
            x = ((x - mean) / (var + 1e-5).sqrt() * gain + shift).clamp(min=0)
        return x

    def pointwise(name, x):
        product = torch.einsum('oi,bihw->bohw', weights[f'{name}.weight'][:, :, 0, 0], x)
        return product + weights[f'{name}.bias'].view(-1, 1, 1)

    def hourglass(stage, x, level):
        if level == levels:
            return block(f'{stage}.bottom', x, num_convs)
        inner = block(f'{stage}.encoder.{level}', x, num_convs, stride=2 if strided else 1)
        skip = x if strided else inner
        if not strided:
            b, c, h, w = inner.shape
            inner = inner.view(b, c, h // 2, 2, w // 2, 2).amax(dim=(3, 5))
        wide = hourglass(stage, inner, level + 1).repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
        return block(f'{stage}.decoder.{levels - 1 - level}', wide + skip, num_convs)

    x = block('stem', images, 1)
    feats, maps = [], []
    for i in range(num_stages):
        if i:
            x = x + pointwise(f'feature_links.{i - 1}', feats[-1]) + pointwise(f'map_links.{i - 1}', maps[-1])
        feats.append(block(f'stages.{i}.last', hourglass(f'stages.{i}', x, 0), int(last_conv)))
        maps.append(pointwise(f'outputs.{i}', feats[-1]))
    return feats, maps


@pytest.mark.parametrize(
    'options',
    [
        dict(num_stages=1, levels=4, num_convs=1, strided=True, last_conv=False),
        dict(num_stages=3, levels=2, num_convs=2, strided=False, last_conv=True),
        dict(num_stages=2, levels=1, num_convs=2, strided=True, last_conv=True),
        dict(num_stages=2, levels=3, num_convs=1, strided=False, last_conv=False),
    ],
)
def test_features_and_maps_are_those_of_the_layout(options):
    torch.manual_seed(0)
    net = randomised(HandUNet(channels=5, out_channels=4, in_channels=2, **options)).double()
    images = torch.randn(2, 2, 16, 32, dtype=torch.double)
    taps = [f'stages.{i}' for i in range(options['num_stages'])]
    with torch.no_grad(), record_taps(net, taps) as recorded:
        maps = net(images)
    expected_feats, expected_maps = reference(net.state_dict(), images, **options)
    torch.testing.assert_close([recorded[name] for name in taps], expected_feats)
    torch.testing.assert_close(list(maps), expected_maps)


@pytest.mark.parametrize('strided', [False, True])
def test_a_loss_on_the_last_maps_alone_trains_every_layer_of_both_stages(strided):
    torch.manual_seed(0)
    net = HandUNet(channels=8, num_stages=2, strided=strided, last_conv=True)
    net(torch.randn(2, 3, 32, 32))[-1].square().mean().backward()
    assert [name for name, p in net.named_parameters() if p.grad is None or not p.grad.abs().max() > 0] == []


def test_maps_of_a_fresh_network_have_the_size_of_its_input():
    torch.manual_seed(0)
    for options in (dict(num_convs=1, strided=True), dict(num_stages=2, last_conv=True)):
        net = HandUNet(channels=16, **options)
        net.init_weights()
        assert all(0.1 < maps.std() < 5 for maps in net(torch.randn(2, 3, 64, 64)))


def test_a_configs_initialisation_reaches_every_convolution():
    net = HandUNet(channels=4, num_stages=2, levels=2, init_cfg=dict(type='Constant', layer='Conv2d', val=0.25))
    net.init_weights()
    assert all((m.weight == 0.25).all() for m in net.modules() if isinstance(m, nn.Conv2d))


@pytest.mark.parametrize(('levels', 'height', 'width', 'factor'), [(4, 128, 72, 16), (3, 60, 64, 8)])
def test_sides_that_halving_does_not_divide(levels, height, width, factor):
    net = HandUNet(channels=2, levels=levels)
    with pytest.raises(ValueError, match=f'levels={levels} .*multiples of {factor} px, found {height}x{width}'):
        net(torch.zeros(1, 3, height, width))


@pytest.mark.parametrize('name', ['channels', 'out_channels', 'num_stages', 'num_convs', 'levels', 'in_channels'])
def test_numbers_that_are_not_positive(name):
    with pytest.raises(ValueError, match=f'HandUNet: {name} must be at least 1, found 0'):
        HandUNet(**{name: 0})
