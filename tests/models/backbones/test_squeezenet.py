import pytest
import torch
from torch.nn import functional as F

from handkd.apis.complexity import count_macs
from handkd.models import SqueezeNet

# torchvision's layers: place in `features` -> channels in, squeezed, of each expand layer; the places of the poolings.
TORCHVISION = {
    '1.0': (
        (96, 7),
        {3: (96, 16, 64), 4: (128, 16, 64), 5: (128, 32, 128), 7: (256, 32, 128), 8: (256, 48, 192), 9: (384, 48, 192),
         10: (384, 64, 256), 12: (512, 64, 256)},
        (2, 6, 11),
    ),
    '1.1': (
        (64, 3),
        {3: (64, 16, 64), 4: (128, 16, 64), 6: (128, 32, 128), 7: (256, 32, 128), 9: (256, 48, 192), 10: (384, 48, 192),
         11: (384, 64, 256), 12: (512, 64, 256)},
        (2, 5, 8),
    ),
}  # fmt: skip


def torchvision_weights(version):
    """Random weights under the names and in the shapes of torchvision's checkpoint, the classifier included."""
    (width, kernel), fires, _ = TORCHVISION[version]
    shapes = {'features.0': (width, 3, kernel, kernel), 'classifier.1': (1000, 512, 1, 1)}
    for place, (channels, squeezed, expanded) in fires.items():
        shapes[f'features.{place}.squeeze'] = (squeezed, channels, 1, 1)
        shapes[f'features.{place}.expand1x1'] = (expanded, squeezed, 1, 1)
        shapes[f'features.{place}.expand3x3'] = (expanded, squeezed, 3, 3)
    generator = torch.Generator().manual_seed(0)
    weights = {}
    for name, shape in shapes.items():
        fan_in = shape[1] * shape[2] * shape[3]
        weights[f'{name}.weight'] = torch.randn(shape, generator=generator) * (2 / fan_in) ** 0.5
        weights[f'{name}.bias'] = torch.randn(shape[0], generator=generator)
    return weights


def reference(version, weights, images):
    """The forward pass by hand; a pooling sees one more row and column wherever it would leave the last ones out."""

    def layer(name, x, **options):
        return F.conv2d(x, weights[f'{name}.weight'], weights[f'{name}.bias'], **options).clamp(min=0)

    _, fires, poolings = TORCHVISION[version]
    x = layer('features.0', images, stride=2)
    for place in range(2, 13):
        if place in poolings:
            height, width = x.shape[-2:]
            x = F.max_pool2d(F.pad(x, (0, 1 - width % 2, 0, 1 - height % 2), value=-torch.inf), 3, 2)
        elif place in fires:
            x = layer(f'features.{place}.squeeze', x)
            expand3x3 = layer(f'features.{place}.expand3x3', x, padding=1)
            x = torch.cat([layer(f'features.{place}.expand1x1', x), expand3x3], dim=1)
    return x


@pytest.mark.parametrize(
    ('version', 'parameters', 'published', 'regressor', 'gmac'),
    [('1.0', 735_424, 1_248_424, 767_743, 0.738), ('1.1', 722_496, 1_235_496, 754_815, 0.268)],
)
def test_size_and_work_of_each_version_at_224(version, parameters, published, regressor, gmac):
    with torch.device('meta'):  # shapes alone: no arithmetic
        net, image = SqueezeNet(version), torch.zeros(1, 3, 224, 224)
    assert sum(p.numel() for p in net.parameters()) == parameters
    assert parameters + 512 * 1000 + 1000 == published and parameters + 512 * 63 + 63 == regressor
    (out,) = net(image)
    assert out.shape == (1, 512, 13, 13)
    assert (count_macs(net, lambda: net(image)) + 512 * 63 * 13 * 13) / 1e9 == pytest.approx(gmac, abs=0.0005)


@pytest.mark.parametrize('version', ['1.0', '1.1'])
@pytest.mark.parametrize('prefix', [None, 'backbone.'])
def test_torchvisions_weights_load_by_their_names_and_give_its_features(tmp_path, version, prefix):
    weights = torchvision_weights(version)
    torch.save({(prefix or '') + name: value for name, value in weights.items()}, tmp_path / 'squeezenet.pth')
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'squeezenet.pth'))
    net = SqueezeNet(version, init_cfg=dict(init_cfg, prefix=prefix) if prefix else init_cfg)
    net.init_weights()
    loaded = net.state_dict()
    assert weights.keys() - loaded.keys() == {'classifier.1.weight', 'classifier.1.bias'}
    assert all(torch.equal(value, weights[name]) for name, value in loaded.items())
    images = torch.randn(2, 3, 64, 71)  # sides that leave a border behind poolings, and some that don't
    (out,) = net(images)
    torch.testing.assert_close(out, reference(version, weights, images))


@pytest.mark.parametrize('options', [dict(), dict(version='1.1'), dict(in_channels=1)])
def test_initialisation_keeps_the_size_of_the_signal(options):
    torch.manual_seed(0)
    net = SqueezeNet(**options)
    net.init_weights()
    (out,) = net(torch.randn(2, options.get('in_channels', 3), 128, 128))
    assert 0.05 < out.std() < 20
    assert 0.2 < (out > 0).float().mean() < 0.8
    out.square().mean().backward()
    assert all(parameter.grad.abs().max() > 0 for parameter in net.parameters())


def test_unknown_version():
    with pytest.raises(ValueError, match="there is no '1_0'.*'1.0'"):
        SqueezeNet('1_0')
