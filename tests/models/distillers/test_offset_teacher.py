"""Eq. 3 and 4, with a teacher whose offsets are set by hand."""

import numpy as np
import pytest
import torch

from handkd.geometry import AngleLimits
from handkd.models import PMDHead
from handkd.models.distillers import AngleRules, OffsetTeacher
from handkd.models.targets import stack_joints

CPU = torch.device('cpu')
VECTOR = dict(layers=['neck'], in_channels=42, hidden=(8,))
DEPTH = (1.0, 1.0, 0.5)
"""Weights of the coordinates in the heads' loss."""


def seeded(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def set_offsets(teacher: OffsetTeacher) -> np.ndarray:
    """Let the teacher put out the same M for everything; returns it."""
    constant = 0.3 * seeded(21, 3)
    with torch.no_grad():
        teacher.fc[-1].weight.zero_()
        teacher.fc[-1].bias.copy_(constant.flatten())
    return constant.numpy()


@pytest.fixture
def mixed_limits(tmp_path, vector_head, context_of, seen_batch):
    """A file of bounds that some of the batch's hands break, but not all; and which."""
    low, high = np.full((5, 4), -1.0), np.ones((5, 4))
    low[1, 2] = 0.2
    AngleLimits(low, high).write(tmp_path / 'mixed.json')
    limits = str(tmp_path / 'mixed.json')
    pose, _ = vector_head.encode_samples(seen_batch['data_samples'], CPU)
    invalid = AngleRules(limits)(context_of(vector_head, pose)).invalid
    assert 0 < invalid.sum() < 4
    return limits, invalid.numpy()


def numpy_losses(pose, offsets, target, valid, invalid) -> tuple[float, float]:
    """Loss_off and Loss_pos^mod, joint by joint."""
    off = modified = 0.0
    for hand in range(4):
        for joint in np.flatnonzero(valid[hand]):
            way = invalid[hand] * (target[hand, joint] - pose[hand, joint])
            off += np.abs(offsets[joint] - way).sum()
            modified += (np.abs(pose[hand, joint] + offsets[joint] - target[hand, joint]) * DEPTH).sum()
    return off / 4, modified / 4


def unlabel(samples, hand, joint):
    valid = samples[hand].gt_instances.keypoints_valid.copy()
    valid[0, joint] = 0
    samples[hand].gt_instances.keypoints_valid = valid


def test_the_losses_are_eq_3_and_4_of_labelled_joints_and_invalid_hands(
    mixed_limits, vector_head, context_of, seen_batch
):
    limits, invalid = mixed_limits
    samples = seen_batch['data_samples']
    unlabel(samples, 1, 20)
    unlabel(samples, 2, 3)
    target, valid = vector_head.encode_samples(samples, CPU)
    pose = target + 0.3 * seeded(4, 21, 3)
    pose[:, 5:8] = target[:, 5:8]  # the joints of the bounded angle, so that the verdict is the truth's
    teacher = OffsetTeacher(limits, **VECTOR, offset_weight=0.7, modified_weight=0.2)
    offsets = set_offsets(teacher)
    losses = teacher(context_of(vector_head, pose, neck=seeded(4, 42)))
    off, modified = numpy_losses(pose.numpy(), offsets, target.numpy(), valid.numpy(), invalid)
    assert set(losses) == {'offset', 'modified'}
    assert losses['offset'].item() == pytest.approx(0.7 * off, rel=1e-5)
    assert losses['modified'].item() == pytest.approx(0.2 * modified, rel=1e-5)
    always = numpy_losses(pose.numpy(), offsets, target.numpy(), valid.numpy(), np.ones(4))[0]
    assert always != pytest.approx(off, rel=0.05), 'w matters here'

    corrected = OffsetTeacher(limits, **VECTOR, modified_weight=0.2, modified_on='invalid')
    set_offsets(corrected)
    losses = corrected(context_of(vector_head, pose, neck=seeded(4, 42)))
    wrong = [hand for hand in range(4) if invalid[hand]]
    difference = np.abs(pose.numpy() + offsets - target.numpy()) * DEPTH * valid.numpy()[..., None]
    assert losses['modified'].item() == pytest.approx(0.2 * difference[wrong].sum() / 4, rel=1e-5)
    assert losses['offset'].item() == pytest.approx(off, rel=1e-5)


def test_an_unknown_choice_of_hands_is_refused(limits):
    with pytest.raises(ValueError, match=r"\(modified_on=.*: there is no 'invalidd'; did you mean 'invalid'"):
        OffsetTeacher(limits, **VECTOR, modified_on='invalidd')


def test_an_untrained_teacher_changes_nothing(limits, head_and_feats, context_of, seen_batch):
    head, feats = head_and_feats
    output, samples = head(feats), seen_batch['data_samples']
    losses = OffsetTeacher(limits, **VECTOR)(context_of(head, output, neck=seeded(4, 42)))
    own = head.joint_loss(head.pose_of(output), samples)
    assert losses['modified'].item() == pytest.approx(own.item(), rel=1e-6)
    assert own.item() == pytest.approx(head.loss(feats, samples)['loss_reg'].item(), rel=1e-6)


def test_the_modified_pose_is_judged_in_the_frame_of_any_head(limits, context_of, seen_batch):
    codec = dict(type='RootRelativeXYZ', root='wrist', scale_bone=('wrist', 'middle_mcp'))
    head = PMDHead(42, codec, hidden=(8,), loss=dict(type='PoseNormLoss'))
    output, teacher = head(seeded(4, 42)), OffsetTeacher(limits, **VECTOR)
    offsets = set_offsets(teacher)
    losses = teacher(context_of(head, output, neck=seeded(4, 42)))
    joints = stack_joints(seen_batch['data_samples'], CPU)[0].numpy()
    target = (joints - joints[:, :1]) / np.linalg.norm(joints[:, 9] - joints[:, 0], axis=-1)[:, None, None]
    pose = output.xyz.detach().numpy()
    off = np.abs(offsets - (target - pose)).sum((1, 2)).mean()
    modified = np.linalg.norm((pose + offsets - target).reshape(4, -1), axis=-1).mean()
    assert losses['offset'].item() == pytest.approx(off, rel=1e-5)
    assert losses['modified'].item() == pytest.approx(modified, rel=1e-5)


def test_the_student_is_pushed_by_the_modified_pose_and_not_by_the_wanted_offsets(
    limits, vector_head, context_of, seen_batch
):
    target, _ = vector_head.encode_samples(seen_batch['data_samples'], CPU)
    pose = (target + seeded(4, 21, 3)).requires_grad_()
    teacher = OffsetTeacher(limits, **VECTOR)
    offsets = torch.from_numpy(set_offsets(teacher))
    losses = teacher(context_of(vector_head, pose, neck=seeded(4, 42)))
    (gradient,) = torch.autograd.grad(losses['offset'], pose, retain_graph=True)
    assert (gradient == 0).all(), 'M is constant, and its target has no gradient'
    (gradient,) = torch.autograd.grad(losses['modified'], pose)
    expected = (pose + offsets - target).detach().sign() * torch.tensor(DEPTH) / 4
    torch.testing.assert_close(gradient, expected)


def test_the_teacher_sees_features_pose_and_verdict_and_its_gradient_reaches_both(limits, vector_head, context_of):
    teacher = OffsetTeacher(limits, **VECTOR)
    torch.nn.init.normal_(teacher.fc[-1].weight)
    pose, feats = seeded(4, 21, 3).requires_grad_(), seeded(4, 42).requires_grad_()
    w1, b1, w2, b2 = (p.detach().numpy() for p in teacher.fc.parameters())
    invalid = torch.tensor([1.0, 0.0, 0.0, 1.0])
    known = np.concatenate([feats.detach(), pose.detach().reshape(4, 63), invalid[:, None]], 1)
    expected = np.maximum(known @ w1.T + b1, 0) @ w2.T + b2
    np.testing.assert_allclose(
        teacher.offsets(feats, pose, invalid).detach().reshape(4, 63), expected, rtol=1e-3, atol=1e-4
    )
    for name in ('offset', 'modified'):
        loss = teacher(context_of(vector_head, pose, neck=feats))[name]
        for gradient in torch.autograd.grad(loss, (feats, pose)):
            assert (gradient.flatten(1).abs().amax(1) > 0).all()


@pytest.mark.parametrize('conv_channels', [(), (5,), (5, 6, 7)])
def test_features_may_be_maps_of_several_layers(limits, vector_head, context_of, conv_channels):
    torch.manual_seed(0)
    teacher = OffsetTeacher(limits, ['backbone', 'maps'], 4 + 3, conv_channels, hidden=(8,))
    assert teacher.student_taps == ('head', 'backbone', 'maps')
    one, other = seeded(4, 4, 16, 8), torch.randn(4, 3, 16, 8)
    torch.nn.init.normal_(teacher.fc[-1].weight)
    seen = []
    teacher.fc.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    losses = teacher(context_of(vector_head, seeded(4, 21, 3), backbone=(None, one), maps=other))
    sum(losses.values()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in teacher.parameters())
    assert len(teacher.convs) == len(conv_channels) and seen[0].shape[1] == (conv_channels or (7,))[-1] + 63 + 1
    if conv_channels:
        maps = teacher.convs[0](torch.cat([one, other], 1))
        assert maps.shape == (4, 5, 8, 4) and (maps >= 0).all()
    else:
        torch.testing.assert_close(seen[0][:, :7], torch.cat([one, other], 1).flatten(2).mean(2))


def test_it_learns_the_wanted_offsets(limits, vector_head, context_of, seen_batch):
    torch.manual_seed(0)
    teacher = OffsetTeacher(limits, ['neck'], 42, hidden=(64,))
    target, _ = vector_head.encode_samples(seen_batch['data_samples'], CPU)
    pose = target + 0.5 * seeded(4, 21, 3)
    context = context_of(vector_head, pose, neck=seeded(4, 42))
    optimizer = torch.optim.Adam(teacher.parameters(), 0.01)
    first = teacher(context)
    for _ in range(80):
        optimizer.zero_grad()
        teacher(context)['offset'].backward()
        optimizer.step()
    last = teacher(context)
    assert last['offset'] < 0.1 * first['offset']
    assert last['modified'] < 0.1 * first['modified'], 'the modified pose is the truth where M is right'


MAPS = dict(layers=['neck'], in_channels=6, conv_channels=(4,))


@pytest.mark.parametrize(
    ('options', 'shapes', 'message'),
    [
        (VECTOR, [(4, 41)], r"in_channels is 42, of maps of one size, or vectors; \['neck'\] give \[\(4, 41\)\]"),
        (VECTOR | dict(layers=['neck', 'maps']), [(4, 40), (4, 2, 8, 8)], r'give \[\(4, 40\), \(4, 2, 8, 8\)\]'),
        (MAPS | dict(layers=['neck', 'maps']), [(4, 4, 8, 8), (4, 2, 4, 4)], r'of maps of one size; .*\(4, 2, 4, 4\)'),
        (MAPS, [(4, 6)], r'in_channels is 6, of maps of one size; .*\(4, 6\)'),
    ],
)
def test_features_of_another_shape_are_named(limits, vector_head, context_of, options, shapes, message):
    layers = {name: torch.zeros(shape) for name, shape in zip(options['layers'], shapes)}
    with pytest.raises(ValueError, match=message):
        OffsetTeacher(limits, **options)(context_of(vector_head, torch.zeros(4, 21, 3), **layers))


@pytest.mark.parametrize('layers', ['neck', []])
def test_layers_are_a_list_of_names(limits, layers):
    with pytest.raises(ValueError, match='layers must be a list of names'):
        OffsetTeacher(limits, layers, 42)
