import numpy as np
import pytest
import torch

from handkd.geometry import AngleLimits, joint_angles
from handkd.models import FCHead
from handkd.models.distillers import AngleRegularizer, AngleRules
from handkd.models.targets import stack_joints, stack_sides

from .conftest import numpy_excess, place

CPU = torch.device('cpu')


def test_the_loss_is_eq_2_and_its_gradient_lowers_it(limits, head_and_feats, context_of, seen_batch):
    head, feats = head_and_feats
    samples = seen_batch['data_samples']
    regularizer = AngleRegularizer(limits, weight=0.3)
    losses = regularizer(context_of(head, head(feats)))
    assert set(losses) == {'angle'}
    hands = zip(place(head, head.pose_of(head(feats)), samples), samples)
    expected = np.mean([numpy_excess(hand, sample.hand_side == 'left').sum() for hand, sample in hands])
    assert losses['angle'].item() == pytest.approx(0.3 * expected, rel=1e-3)

    losses['angle'].backward()
    parameters = [p for p in head.parameters() if p.grad is not None and p.grad.abs().max() > 0]
    assert parameters
    norm = torch.cat([p.grad.flatten() for p in parameters]).norm()
    with torch.no_grad():
        for p in parameters:
            p -= 1e-4 * p.grad / norm
        assert regularizer(context_of(head, head(feats)))['angle'] < losses['angle']


def test_every_hand_is_moved_towards_its_bounds(limits, vector_head, context_of, seen_batch):
    truth, _ = vector_head.encode_samples(seen_batch['data_samples'], CPU)
    pose, rules = truth.clone().requires_grad_(), AngleRules(limits)
    AngleRegularizer(limits)(context_of(vector_head, pose))['angle'].backward()
    assert pose.grad.isfinite().all() and (pose.grad.flatten(1).abs().amax(1) > 0).all()
    step = 1e-3 * pose.grad / pose.grad.flatten(1).norm(dim=1)[:, None, None]
    before, after = (rules(context_of(vector_head, p)).excess.sum((1, 2)) for p in (truth, truth - step))
    assert (after < before).all()


def test_the_hands_that_the_bounds_are_of_are_not_fined(tmp_path, vector_head, context_of, seen_batch):
    samples = seen_batch['data_samples']
    values, defined = joint_angles(stack_joints(samples, CPU)[0].double(), stack_sides(samples, CPU))
    AngleLimits.of(values.numpy(), defined.numpy()).write(tmp_path / 'own.json')
    pose, _ = vector_head.encode_samples(samples, CPU)
    regularizer = AngleRegularizer(str(tmp_path / 'own.json'), weight=1.0)
    assert regularizer(context_of(vector_head, pose))['angle'] < 1e-4
    assert regularizer(context_of(vector_head, pose.flip(0)))['angle'] > 1e-2, 'the sides are now the others'


def test_a_mirrored_left_hand_is_a_right_one(limits, context_of, seen_batch):
    codec = dict(type='RootRelativeXYZ', root='middle_mcp', scale_bone=('wrist', 'middle_mcp'))
    head = FCHead(1, 1, codec)
    hands = torch.randn(4, 21, 3)
    excess = {}
    for side, factor in (('right', 1.0), ('left', -1.0)):
        for sample in seen_batch['data_samples']:
            sample.set_metainfo(dict(hand_side=side))
        excess[side], excess[side + ' unmirrored'] = (
            AngleRules(limits)(context_of(head, hands * torch.tensor([sign, 1.0, 1.0]))).excess
            for sign in (factor, 1.0)
        )
    torch.testing.assert_close(excess['left'], excess['right'])
    assert not torch.allclose(excess['left unmirrored'], excess['right'], atol=0.1)


def test_the_weight_rises_step_by_step_and_goes_on_after_a_resumption(limits, vector_head, context_of):
    context = context_of(vector_head, torch.randn(4, 21, 3, generator=torch.Generator().manual_seed(0)))
    full = AngleRegularizer(limits, weight=0.5)(context)['angle'].item()
    assert full > 0
    regularizer = AngleRegularizer(limits, weight=0.5, warmup=4)
    steps = [regularizer(context)['angle'].item() / full for _ in range(3)]
    assert steps == pytest.approx([0, 0.25, 0.5])
    resumed = AngleRegularizer(limits, weight=0.5, warmup=4)
    assert regularizer.state_dict().keys() == {'step'}
    resumed.load_state_dict(regularizer.state_dict())
    assert [resumed(context)['angle'].item() / full for _ in range(4)] == pytest.approx([0.75, 1, 1, 1])
