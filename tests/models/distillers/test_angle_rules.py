import numpy as np
import pytest
import torch

from handkd.geometry import AngleLimits
from handkd.models import PoseMachineHead
from handkd.models.distillers import AngleRules

from .conftest import HIGH, LOW, numpy_excess, place


def test_the_verdict_is_of_the_final_pose_in_space(limits, head_and_feats, context_of, seen_batch):
    head, feats = head_and_feats
    output = head(feats)
    verdict = AngleRules(limits)(context_of(head, output))
    assert torch.equal(verdict.pose, head.pose_of(output)) and verdict.pose.requires_grad
    samples = seen_batch['data_samples']
    hands = zip(place(head, verdict.pose, samples), samples)
    expected = np.stack([numpy_excess(hand, sample.hand_side == 'left') for hand, sample in hands])
    np.testing.assert_allclose(verdict.excess.detach(), expected, atol=2e-4)
    assert (expected > 0.1).any() and (expected == 0).any()
    assert verdict.invalid.tolist() == [1, 1, 1, 1] and not verdict.invalid.requires_grad


def test_a_hand_is_invalid_as_soon_as_one_angle_is(tmp_path, limits, vector_head, context_of, seen_batch):
    pose, _ = vector_head.encode_samples(seen_batch['data_samples'], torch.device('cpu'))
    context = context_of(vector_head, pose)
    low, high = np.full((5, 4), -1.0), np.ones((5, 4))
    low[3, 1], high[3, 1] = LOW[3, 1], HIGH[3, 1]
    AngleLimits(low, high).write(tmp_path / 'one.json')
    out = (AngleRules(limits)(context).excess[:, 3, 1] > 0).tolist()
    assert 0 < sum(out) < 4
    assert AngleRules(tmp_path / 'one.json')(context).invalid.tolist() == out


def test_what_is_out_by_less_than_the_tolerance_is_valid(wide_limits, vector_head, context_of, seen_batch):
    pose, _ = vector_head.encode_samples(seen_batch['data_samples'], torch.device('cpu'))
    rules = AngleRules(wide_limits)
    rules.high[2, 2] = -0.5
    values = rules(context_of(vector_head, pose)).excess[:, 2, 2] - 0.5
    for out, invalid in ((5e-7, 0), (2e-6, 1)):
        rules.high[2, 2] = values[0] - out
        assert rules(context_of(vector_head, pose)).invalid[0] == invalid


def test_the_bounds_are_in_no_checkpoint(limits):
    rules = AngleRules(limits)
    assert not rules.state_dict() and not list(rules.parameters())
    np.testing.assert_allclose(rules.low, LOW, rtol=1e-6)
    np.testing.assert_allclose(rules.high, HIGH, rtol=1e-6)


def test_a_head_in_the_image_is_refused(limits, context_of):
    head = PoseMachineHead(4, dict(type='CPMHeatmap', input_size=64), first_channels=4, channels=4)
    with pytest.raises(ValueError, match='joints in space, whose head is a PoseHead; found PoseMachineHead'):
        AngleRules(limits)(context_of(head, torch.zeros(4, 21, 3)))


@pytest.mark.parametrize('side', [None, 'both'])
def test_a_sample_without_a_side_is_named(limits, vector_head, context_of, seen_batch, side):
    seen_batch['data_samples'][2].set_metainfo(dict(hand_side=side))
    with pytest.raises(ValueError, match="sample 2 must have 'hand_side'"):
        AngleRules(limits)(context_of(vector_head, torch.zeros(4, 21, 3)))
