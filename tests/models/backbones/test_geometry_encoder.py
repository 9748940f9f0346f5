import copy

import pytest
import torch
from mmpose.models.backbones import ResNet
from mmpose.models.backbones.resnet import BasicBlock
from torch.nn import functional as F

from handkd.apis.complexity import count_macs
from handkd.models import CheckpointError, GeometryEncoder
from handkd.registry import MODELS

CODEC = dict(type='RootRelativeXYZ', root='wrist')
SMALL = dict(type='GeometryEncoder', depth=18, input_size=64, base_channels=4, num_points=10, appearance=6)


def build(**options):
    torch.manual_seed(0)
    return MODELS.build(SMALL | options)


@pytest.mark.parametrize(
    ('options', 'parameters', 'macs'),
    [
        (dict(), 18_347_544, 1_455_844_352),
        (dict(depth=18), 8_057_880, 653_159_424),
        (dict(depth=18, input_size=64), 8_057_880, 410_348_544),
    ],
)
def test_parameters_and_work_of_the_table(options, parameters, macs):
    net = GeometryEncoder(**options).eval()
    size = options.get('input_size', 128)
    images = torch.rand(1, 3, size, size)
    assert sum(p.numel() for p in net.parameters()) == parameters
    assert count_macs(net, lambda: net(images)) == macs
    assert sum(p.numel() for p in net.fc.parameters()) == 93_912
    with torch.no_grad():
        latents = net(images)
    assert latents.appearance.shape == (1, 128) and latents.points.shape == (1, 200, 3)


@pytest.mark.parametrize(('size', 'strides', 'side'), [(64, (1, 2, 1), 1), (128, (1, 2, 2), 1), (160, (1, 2, 2), 2)])
def test_it_is_the_network_of_the_specification(size, strides, side):
    net = build(input_size=size).train()
    state = net.state_dict()
    trunk = ResNet(
        18, stem_channels=4, base_channels=4, num_stages=3, strides=strides, dilations=(1, 1, 1), out_indices=(2,)
    )
    trunk.load_state_dict({key: state[key] for key in trunk.state_dict()})
    images = torch.randn(2, 3, size, size)
    (feat,) = trunk(images)
    for i in range(2):  # as wide as the stage before, stride 1
        block = BasicBlock(16, 16)
        block.load_state_dict({key: state[f'layer4.{i}.{key}'] for key in block.state_dict()})
        feat = block(feat)
    feat = F.conv2d(feat, state['reduce.0.weight'], state['reduce.0.bias'])
    feat = F.batch_norm(feat, None, None, state['reduce.1.weight'], state['reduce.1.bias'], training=True).relu()
    feat = F.conv2d(feat, state['reduce.3.weight'], stride=2)
    feat = F.batch_norm(feat, None, None, state['reduce.4.weight'], state['reduce.4.bias'], training=True).sigmoid()
    assert feat.shape == (2, 128, side, side)
    expected = feat.flatten(1) @ state['fc.weight'].T + state['fc.bias']
    latents = net(images)
    torch.testing.assert_close(torch.cat(latents, 1), expected)
    assert latents.appearance.shape == (2, 6)
    torch.testing.assert_close(latents.points[:, 3], expected[:, 6 + 9 : 6 + 12])


def step(net, images):
    before = copy.deepcopy(net.state_dict())
    optimizer = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], lr=0.1)
    torch.cat(net(images), 1).square().sum().backward()
    optimizer.step()
    return {key for key, value in net.state_dict().items() if not torch.equal(value, before[key])}


def test_early_stages_keep_their_weights_while_their_statistics_go_on():
    net = build(frozen='early').train()
    changed = step(net, torch.randn(4, 3, 64, 64))
    early = {key for key in net.state_dict() if key.startswith(('conv1', 'bn1', 'layer1', 'layer2'))}
    statistics = {key for key in net.state_dict() if 'running' in key or 'batches' in key}
    assert changed & early == early & statistics
    assert all(name in changed for name, _ in net.named_parameters() if name not in early)


def test_a_frozen_encoder_changes_in_nothing_but_what_is_built_on_it_learns(batch):
    model = MODELS.build(
        dict(
            type='HandPoseEstimator',
            backbone=SMALL | dict(frozen='all'),
            head=dict(type='LatentPoseHead', codec=CODEC, in_channels=30, hidden=(8,)),
        )
    ).train()
    before = copy.deepcopy(model.state_dict())
    assert model.head.training and not any(module.training for module in model.backbone.modules())
    data = model.data_preprocessor(batch, True)
    model(**data, mode='loss')['loss_reg'].backward()
    assert all(p.grad is None for p in model.backbone.parameters())
    assert all(p.grad.any() for p in model.head.parameters())
    for key, value in model.backbone.state_dict().items():
        assert torch.equal(value, before[f'backbone.{key}']), key


def test_a_checkpoint_of_an_estimator_starts_it(tmp_path):
    source = build()
    torch.nn.init.normal_(source.fc.bias)
    state = {f'backbone.{key}': value for key, value in source.state_dict().items()}
    torch.save(dict(state_dict=state | {'head.fc.bias': torch.zeros(3)}), tmp_path / 'views.pth')
    for frozen in ('none', 'early', 'all'):
        net = build(frozen=frozen, checkpoint=str(tmp_path / 'views.pth'))
        net.init_weights()
        assert all(torch.equal(value, source.state_dict()[key]) for key, value in net.state_dict().items())
    with pytest.raises(CheckpointError, match='does not fit the encoder, .*fc.bias is .36,., expected .39,.'):
        build(num_points=11, checkpoint=str(tmp_path / 'views.pth')).init_weights()


@pytest.mark.parametrize('frozen', ['early', 'all'])
def test_what_nothing_has_trained_is_not_frozen(frozen):
    with pytest.raises(ValueError, match=f"frozen='{frozen}'.*nothing has trained.*model.backbone.checkpoint=PATH"):
        build(frozen=frozen).init_weights()


def test_weights_of_a_usual_resnet_start_the_trunk(tmp_path):
    usual = ResNet(18, stem_channels=4, base_channels=4)
    for parameter in usual.parameters():
        torch.nn.init.normal_(parameter)
    torch.save(usual.state_dict(), tmp_path / 'resnet.pth')
    net = build(frozen='early', init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'resnet.pth')))
    net.init_weights()
    for name, value in net.named_parameters():
        if name.startswith(('conv1', 'bn1', 'layer1', 'layer2', 'layer3')):
            assert torch.equal(value, usual.state_dict()[name]), name


@pytest.mark.parametrize(
    'head',
    [
        dict(type='PMDHead', in_channels=30, codec=CODEC),
        dict(type='Regression25DHead', in_channels=30, codec=dict(type='Latent25D', input_size=64)),
        dict(type='LatentPoseHead', in_channels=30, hidden=(8,), codec=CODEC),
    ],
)
def test_other_students_stand_on_it_without_a_neck(head, seen_batch):
    model = MODELS.build(dict(type='HandPoseEstimator', backbone=SMALL, head=head)).train()
    sum(model(**model.data_preprocessor(seen_batch, True), mode='loss').values()).backward()
    assert not [name for name, p in model.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert model.backbone.conv1.weight.grad.any()
    sample = model.eval().test_step(seen_batch)[0]
    assert sample.pred_instances.keypoints_xyz.shape == (1, 21, 3)


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="there is no 'erly'; did you mean 'early'"):
        build(frozen='erly')
    for size in (48, 100):
        with pytest.raises(ValueError, match=f'64 or more, a multiple of 16, found {size}'):
            build(input_size=size)
    with pytest.raises(ValueError, match='input_size=64.*found 96 x 64'):
        build()(torch.zeros(1, 3, 64, 96))
