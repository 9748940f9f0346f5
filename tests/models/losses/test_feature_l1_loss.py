import copy

import numpy as np
import pytest
import torch
from mmpose.models.backbones import ResNet

from handkd.models import FeatureL1Loss

SMALL = dict(type='HandResNet', depth=18, stem='imagenet', base_channels=4)


def make(**options):
    torch.manual_seed(0)
    loss = FeatureL1Loss(SMALL, **options)
    for value in loss.network.state_dict().values():  # statistics that a batch has not
        if value.is_floating_point():
            value.uniform_(0.2, 0.8)
    return loss


def images(seed):
    return torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(seed))


def test_it_is_the_mean_over_three_maps_of_a_network_in_evaluation():
    loss, pred, target = make(loss_weight=0.7), images(0), images(1)
    usual = ResNet(18, stem_channels=4, base_channels=4, out_indices=(0, 1))
    usual.eval()  # which returns nothing
    usual.load_state_dict(loss.network.state_dict(), strict=False)
    maps = []
    usual.relu.register_forward_hook(lambda *args: maps.append(args[2].clone()))
    values = []
    with torch.no_grad():
        for pictures in (pred, target):
            first, second = usual(pictures)
            values.append([maps.pop(), first, second])
    distances = [np.abs(a.double().numpy() - b.double().numpy()).mean() for a, b in zip(*values)]
    assert [tuple(value.shape[1:]) for value in values[0]] == [(4, 16, 16), (4, 8, 8), (8, 4, 4)]
    assert loss(pred, target).item() == pytest.approx(0.7 * np.mean(distances), rel=1e-5)


def test_the_paper_s_maps_at_128_px():
    loss = FeatureL1Loss(dict(type='HandResNet', depth=18, stem='imagenet'))
    shapes = [tuple(value.shape[1:]) for value in loss.features(torch.zeros(1, 3, 128, 128))]
    assert shapes == [(64, 64, 64), (64, 32, 32), (128, 16, 16)]


def test_training_around_it_changes_nothing_in_it():
    loss = make()
    before = copy.deepcopy(loss.state_dict())
    around = torch.nn.Sequential(loss).train()
    assert around.training and not any(module.training for module in loss.modules())
    pred, target = images(0).requires_grad_(), images(1).requires_grad_()
    loss(pred, target).backward()
    assert pred.grad.isfinite().all() and pred.grad.any() and target.grad is None
    assert all(p.grad is None and not p.requires_grad for p in loss.parameters())
    assert all(torch.equal(value, before[key]) for key, value in loss.state_dict().items())
    assert loss(pred, pred).item() == 0


def test_weights_come_from_a_file_of_a_whole_network(tmp_path):
    usual = ResNet(18, stem_channels=4, base_channels=4)
    for parameter in usual.parameters():
        torch.nn.init.normal_(parameter)
    torch.save({f'backbone.{key}': value for key, value in usual.state_dict().items()}, tmp_path / 'net.pth')
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'net.pth'), prefix='backbone.')
    loss = FeatureL1Loss(SMALL | dict(init_cfg=init_cfg))
    loss.init_weights()
    state = loss.network.state_dict()
    assert len(state) > 30 and not any(key.startswith(('layer3', 'layer4')) for key in state)
    assert all(torch.equal(value, usual.state_dict()[key]) for key, value in state.items())


def test_a_random_network_stays_as_torch_has_drawn_it():
    loss = make()
    before = copy.deepcopy(loss.state_dict())
    loss.init_weights()
    assert loss.is_init and all(torch.equal(value, before[key]) for key, value in loss.state_dict().items())


def test_a_checkpoint_is_the_network_s(tmp_path):
    usual = ResNet(18, stem_channels=4, base_channels=4)
    torch.save(usual.state_dict(), tmp_path / 'net.pth')
    loss = FeatureL1Loss(SMALL, checkpoint=str(tmp_path / 'net.pth'))
    loss.init_weights()
    assert torch.equal(loss.network.conv1.weight, usual.conv1.weight)
