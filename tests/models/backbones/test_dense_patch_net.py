import pytest
import torch
from torch import nn
from torch.nn import functional as F

from handkd.apis.complexity import count_macs
from handkd.models import DensePatchNet, PartSegmentationHead
from handkd.models.backbones.local_contrast import local_contrast


class Affine(nn.Module):
    """What an affine normalisation is without normalising."""

    def __init__(self, norm):
        super().__init__()
        self.weight, self.bias = norm.weight, norm.bias

    def forward(self, x):
        return x * self.weight[:, None, None] + self.bias[:, None, None]


def small(**options):
    torch.manual_seed(0)
    net = DensePatchNet(channels=(4, 6, 8), hidden=(10, 12), **options).double()
    for name, weight in net.named_parameters():
        nn.init.uniform_(weight, 0.5, 1.5) if name.endswith('norm.weight') else nn.init.normal_(weight, std=0.2)
    return net


def layers(net):
    return [net.conv1, net.conv2, net.conv3, *net.hidden]


@pytest.mark.parametrize('contrast', [None, 9])
@pytest.mark.parametrize('stride', [1, 2])
def test_dense_features_are_those_of_the_patch_around_each_pixel(stride, contrast):
    net = small(stride=stride, contrast=contrast)
    for layer in layers(net):
        layer.norm = Affine(layer.norm)
    images = torch.rand(2, 1, 14, 18, dtype=torch.float64) * 2 - 1
    images[:, :, 9:, 4:] = 1
    foreground, feats = net(images)
    assert torch.equal(foreground, images < 1)
    inputs = images if contrast is None else local_contrast(images, contrast)
    padded = F.pad(inputs, (16, 15, 16, 15), value=1.0 if contrast is None else 0.0)
    for row, column in ((r, c) for r in range(0, 14, stride) for c in range(0, 18, stride)):
        x = padded[:, :, row : row + 32, column : column + 32]
        for number, layer in enumerate(layers(net)):
            x = layer.norm(F.conv2d(x, layer.conv.weight)).clamp(min=0)
            x = F.max_pool2d(x, 2) if number < 2 else x
        assert x.shape[2:] == (1, 1)
        torch.testing.assert_close(feats[:, :, row // stride, column // stride], x[:, :, 0, 0], rtol=0, atol=1e-10)


def test_it_is_pooling_over_shifted_regions_with_normalisation_of_each_image():
    net = small()
    images = torch.rand(3, 1, 16, 24, dtype=torch.float64) * 2 - 1
    _, feats = net(images)
    for image, found in zip(images, feats):
        fragments = F.pad(local_contrast(image[None]), (16, 15, 16, 15))
        for number, layer in enumerate(layers(net)):
            x = F.conv2d(fragments, layer.conv.weight)
            # Batch normalisation over all fragments of the image.
            fragments = F.batch_norm(x, None, None, layer.norm.weight, layer.norm.bias, training=True).clamp(min=0)
            if number < 2:
                shifts = [(dy, dx) for dy in (0, 1) for dx in (0, 1)]
                height, width = fragments.shape[2] - 1, fragments.shape[3] - 1
                fragments = torch.cat(
                    [F.max_pool2d(fragments[:, :, dy : dy + height, dx : dx + width], 2) for dy, dx in shifts]
                )
        expected = torch.empty_like(found)
        for index, fragment in enumerate(fragments):
            (dy2, dx2), (dy1, dx1) = shifts[index // 4], shifts[index % 4]
            expected[:, dy1 + 2 * dy2 :: 4, dx1 + 2 * dx2 :: 4] = fragment
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


def test_images_are_normalised_each_for_itself_in_both_modes():
    net = small()
    images = torch.rand(3, 1, 8, 8, dtype=torch.float64)
    together = net.train()(images)[1]
    torch.testing.assert_close(together, torch.cat([net.eval()(image[None])[1] for image in images]))
    assert list(net.buffers()) == []


def test_size_and_work_with_20_parts():
    with torch.device('meta'):  # shapes alone: no arithmetic
        net, head, image = DensePatchNet(), PartSegmentationHead(), torch.zeros(1, 1, 48, 48)
        half = DensePatchNet(stride=2)
    scales = sum(layer.norm.weight.numel() for layer in layers(net))
    assert scales == 1224
    assert sum(p.numel() for p in (*net.parameters(), *head.parameters())) - scales == 582_044
    assert count_macs(net, lambda: net(image)) + count_macs(head, lambda: head(net(image))) == pytest.approx(
        1.446e9, abs=5e5
    )
    assert net(image)[1].shape == (1, 500, 48, 48) and half(image)[1].shape == (1, 500, 24, 24)


@pytest.mark.parametrize(
    ('options', 'message'),
    [(dict(stride=4), 'stride must be 1 or 2, found 4'), (dict(channels=(8, 8)), 'three widths')],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        DensePatchNet(**options)


def test_an_odd_side_has_no_half():
    with pytest.raises(ValueError, match='sides of the input must be even'):
        small(stride=2)(torch.zeros(1, 1, 13, 12, dtype=torch.float64))
