import pytest
import torch

from handkd.models.backbones import HandResNet


@pytest.mark.parametrize(
    ('options', 'parameters'),
    [
        (dict(depth=34), 21_276_992),
        (dict(depth=34, in_channels=1), 21_275_840),
        (dict(depth=34, stem='imagenet'), 21_284_672),
    ],
)
def test_resnet34_gives_8x8x512_with_the_published_number_of_parameters(options, parameters):
    net = HandResNet(**options).eval()
    assert sum(p.numel() for p in net.parameters()) == parameters
    (out,) = net(torch.zeros(1, options.get('in_channels', 3), 64, 64))
    assert out.shape == (1, 512, 8, 8)


def test_half_width():
    (out,) = HandResNet(18, stem='imagenet', base_channels=32).eval()(torch.zeros(1, 3, 64, 64))
    assert out.shape == (1, 256, 8, 8)


def test_imagenet_stem_has_mmpose_names_and_shapes_so_that_its_weights_load():
    from mmpose.models.backbones import ResNet

    ours, theirs = (net.state_dict() for net in (HandResNet(34, stem='imagenet'), ResNet(34)))
    assert {k: v.shape for k, v in ours.items()} == {k: v.shape for k, v in theirs.items()}


def test_unknown_stem():
    with pytest.raises(ValueError, match=r"HandResNet\(stem=.*: there is no 'cifra'; did you mean 'cifar'"):
        HandResNet(34, stem='cifra')
