import pytest
import torch
from torch import nn
from torch.nn import functional as F

from handkd.models import joint_inceptions
from handkd.models.joint_inceptions import GroupedLinear, JointInceptions


class OneJoint(nn.Module):
    """Table 1 and Figure 4 of the paper for a single joint, with a bias in every layer."""

    def __init__(self, hidden=1200):
        super().__init__()
        self.c1 = nn.Conv2d(1, 32, 3, padding=1)
        self.c211, self.c212 = nn.Conv2d(32, 16, 1), nn.Conv2d(16, 8, 3, padding=1)
        self.c221, self.c222 = nn.Conv2d(32, 16, 1), nn.Conv2d(16, 8, 3, padding=1)
        self.c232, self.c241 = nn.Conv2d(32, 8, 1), nn.Conv2d(32, 16, 1)
        self.fc, self.output = nn.Linear(40 * 12 * 12, hidden), nn.Linear(hidden, 3)
        names = ('c1', 'c211', 'c212', 'c221', 'c222', 'c232', 'c241')
        self.norms = nn.ModuleDict({name: nn.BatchNorm2d(getattr(self, name).out_channels) for name in names})
        self.norms['fc'] = nn.BatchNorm1d(hidden)

    def layer(self, name, x):
        return F.relu(self.norms[name](getattr(self, name)(x)))

    def forward(self, depth, mask):
        maps = F.max_pool2d(self.layer('c1', depth), 2)
        pooled = F.max_pool2d(F.pad(maps, (0, 1, 0, 1), value=-torch.inf), 2, stride=1)
        branches = [
            self.layer('c212', self.layer('c211', maps)),
            self.layer('c222', self.layer('c221', maps if mask is None else maps * mask[:, None])),
            self.layer('c232', pooled),
            self.layer('c241', maps),
        ]
        return self.output(self.layer('fc', torch.cat(branches, 1).flatten(1)))


def norm_of(networks, name):
    return networks.norm1 if name == 'c1' else networks.get_submodule(name).norm


@torch.no_grad()
def separate(networks, groups, hidden):
    """Networks of single joints with the grouped weights; in front of a normalisation they have no bias."""
    found = []
    for group in range(groups):
        one = OneJoint(hidden).to(networks.c1.weight)
        for name, norm in one.norms.items():
            layer = networks.c1 if name == 'c1' else networks.get_submodule(name).weights
            getattr(one, name).weight.copy_(layer.weight.chunk(groups)[group].reshape_as(getattr(one, name).weight))
            getattr(one, name).bias.zero_()
            for key in ('weight', 'bias', 'running_mean', 'running_var'):
                getattr(norm, key).copy_(getattr(norm_of(networks, name), key).chunk(groups)[group])
        found.append(one)
    return found


@torch.no_grad()
def put_output_in(one, networks, joint):
    one.output.weight.copy_(networks.output.weight.chunk(networks.joints)[joint][..., 0])
    one.output.bias.copy_(networks.output.bias.chunk(networks.joints)[joint])


@pytest.fixture
def inputs():
    generator = torch.Generator().manual_seed(0)
    depth = torch.randn(5, 1, 24, 24, dtype=torch.float64, generator=generator)
    masks = (torch.rand(5, 4, 12, 12, generator=generator) < 0.4).double()
    masks[1, 2] = 0  # an empty one
    return depth, masks


@pytest.fixture
def windows():
    """An image for each joint."""
    return torch.randn(5, 4, 24, 24, dtype=torch.float64, generator=torch.Generator().manual_seed(2))


def built(shared, hidden=20, own_images=False):
    torch.manual_seed(1)
    networks = JointInceptions(4, shared, hidden, own_images).double()
    for name, value in networks.state_dict().items():  # no two channels have the same
        if 'norm' in name and value.is_floating_point():
            value.uniform_(0.5, 1.5)
    return networks


@pytest.mark.parametrize(('masked', 'own_images'), [(True, False), (False, False), (False, True), (True, True)])
@pytest.mark.parametrize('training', [True, False])
def test_grouped_networks_are_the_loop_over_single_ones(inputs, windows, training, masked, own_images):
    depth, masks = inputs
    images = windows if own_images else depth.expand_as(windows)
    networks = built(shared=False, own_images=own_images).train(training)
    ones = separate(networks, 4, hidden=20)
    for joint, one in enumerate(ones):
        put_output_in(one.train(training), networks, joint)
    found = networks(images if own_images else depth, masks if masked else None)
    expected = torch.stack([one(images[:, [j]], masks[:, j] if masked else None) for j, one in enumerate(ones)], 1)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)
    found.square().sum().backward()
    expected.square().sum().backward()
    for name, norm in ones[0].norms.items():
        layer = networks.c1 if name == 'c1' else networks.get_submodule(name).weights
        grouped, own = norm_of(networks, name), [one.norms[name] for one in ones]
        gradient = torch.cat([getattr(one, name).weight.grad for one in ones])
        torch.testing.assert_close(layer.weight.grad.view_as(gradient), gradient, rtol=1e-7, atol=1e-10)
        torch.testing.assert_close(grouped.running_mean, torch.cat([norm.running_mean for norm in own]))
        torch.testing.assert_close(grouped.running_var, torch.cat([norm.running_var for norm in own]))
        assert grouped.num_batches_tracked == own[0].num_batches_tracked == training
        assert training != torch.equal(grouped.running_mean, built(shared=False).get_buffer(_mean_of(name)))


def _mean_of(name):
    return 'norm1.running_mean' if name == 'c1' else f'{name}.norm.running_mean'


@pytest.mark.parametrize('own_images', [True, False])
@pytest.mark.parametrize('training', [True, False])
def test_shared_networks_differ_in_masks_images_and_last_layer(inputs, windows, training, own_images):
    depth, masks = inputs
    depth, images = (windows, windows) if own_images else (depth, depth.expand_as(windows))
    networks = built(shared=True, own_images=own_images).train(training)
    (one,) = separate(networks, 1, hidden=20)
    found = networks(depth, masks)
    # Normalisation sees all joints of all images, as one batch.
    one.train(training).output = nn.Identity()
    hidden = one(images.flatten(0, 1)[:, None], masks.flatten(0, 1)).unflatten(0, (5, 4))
    weight, bias = networks.output.weight.view(4, 3, 20), networks.output.bias.view(4, 3)
    torch.testing.assert_close(found, torch.einsum('bjh,jkh->bjk', hidden, weight) + bias, rtol=0, atol=1e-10)
    torch.testing.assert_close(networks(depth, None), networks(depth, torch.ones_like(masks)))


@pytest.mark.parametrize('joints', [14, 21])
def test_parameters(joints):
    with torch.device('meta'):
        networks, shared = JointInceptions(joints, False, 1200), JointInceptions(joints, True, 1200)
        own = JointInceptions(joints, False, 1200, own_images=True)
        assert sum(p.numel() for p in OneJoint().parameters()) - 2 * 1304 == 6_921_291
    norms = [module for module in networks.modules() if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d))]
    scales = sum(norm.weight.numel() for norm in norms)
    assert scales == joints * 1304
    assert sum(p.numel() for p in networks.parameters()) - scales == joints * 6_921_291
    assert sum(p.numel() for p in own.parameters()) - scales == joints * 6_921_291
    assert 6_921_291 == 4_488 + 6_913_200 + 3_603
    assert sum(p.numel() for p in shared.parameters()) - 1304 == 4_488 + 6_913_200 + joints * 3_603


def test_fully_connected_layers_side_by_side_are_the_grouped_convolution():
    layer = GroupedLinear(6, 4, 3).double()
    x = torch.randn(5, 18, dtype=torch.float64)
    torch.testing.assert_close(layer(x), nn.Conv1d.forward(layer, x[..., None])[..., 0])


@pytest.mark.parametrize('own_images', [True, False])
def test_all_joints_at_once_are_one_after_the_other(inputs, windows, own_images):
    """The form for a GPU, whose convolutions have groups."""
    depth, masks = (windows if own_images else inputs[0]), inputs[1]
    networks = built(shared=False, own_images=own_images)
    stem = joint_inceptions._fold(networks.c1, networks.norm1, depth)
    parts = [slice(0, 4)], [slice(0, 1), slice(1, 4)]
    found, expected = (torch.cat([networks._features(stem, depth, masks, p) for p in some], 1) for some in parts)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    assert found.unique(dim=1).shape[1] == 4


def patch_layer(channels):
    """A convolution of 3 maps of each channel and its normalisation, no two of whose parameters are the same."""
    torch.manual_seed(3)
    conv, norm = (
        nn.Conv2d(channels, 3 * channels, 3, padding=1, groups=channels, bias=False),
        nn.BatchNorm2d(3 * channels),
    )
    for value in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
        nn.init.uniform_(value, 0.5, 1.5)
    return conv.double(), norm.double()


def folded(conv, norm, images):
    weight, bias = joint_inceptions._fold(conv, norm, images)
    return F.conv2d(images, weight, bias, padding=1, groups=conv.groups)


@pytest.mark.parametrize('channels', [1, 2])
@pytest.mark.parametrize('training', [True, False])
def test_normalisation_in_the_weights_is_that_of_the_outputs(channels, training):
    images = torch.randn(5, channels, 24, 24, dtype=torch.float64) + 20  # far from 0, where variances would cancel
    images.requires_grad_()
    (conv, norm), (conv2, norm2) = (patch_layer(channels) for _ in range(2))
    norm.train(training), norm2.train(training)
    for _ in range(2):
        expected = norm2(conv2(images))
        torch.testing.assert_close(folded(conv, norm, images), expected, rtol=0, atol=1e-9)
    torch.testing.assert_close((norm.running_mean, norm.running_var), (norm2.running_mean, norm2.running_var))
    factors = torch.randn_like(expected)
    inputs = [[*conv.parameters(), *norm.parameters(), images], [*conv2.parameters(), *norm2.parameters(), images]]
    found = torch.autograd.grad((folded(conv, norm, images) * factors).sum(), inputs[0])
    expected = torch.autograd.grad((expected * factors).sum(), inputs[1])
    torch.testing.assert_close(found, expected, rtol=1e-7, atol=1e-9)


def test_frozen_normalisation_of_a_network_in_training(inputs):
    """Its statistics are the running ones, which stay, layer by layer."""
    networks, frozen = built(shared=False), built(shared=False)
    for norm in (frozen.norm1, frozen.c222.norm):
        norm.eval()
    before = {key: value.clone() for key, value in frozen.state_dict().items()}
    assert not torch.allclose(frozen(*inputs), networks(*inputs))
    changed = {key for key, value in frozen.state_dict().items() if not torch.equal(value, before[key])}
    names = ('c211', 'c212', 'c221', 'c232', 'c241', 'fc')
    keys = ('running_mean', 'running_var', 'num_batches_tracked')
    assert changed == {f'{name}.norm.{key}' for name in names for key in keys}


def test_statistics_are_float32_under_autocast(inputs):
    depth, masks = (value.float() for value in inputs)
    networks, exact = built(shared=False).float(), built(shared=False).float()
    exact(depth, masks)
    with torch.autocast('cpu', torch.bfloat16):
        found = networks(depth, masks)
    found.square().sum().backward()
    assert all(value.grad.dtype == torch.float32 for value in networks.parameters())
    assert torch.equal(networks.norm1.running_var, exact.norm1.running_var)
    assert torch.equal(networks.norm1.running_mean, exact.norm1.running_mean)
