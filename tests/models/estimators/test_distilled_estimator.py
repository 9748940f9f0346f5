import copy

import numpy as np
import pytest
import torch
from mmengine.optim import OptimWrapper
from mmengine.runner import load_state_dict

from handkd.apis.complexity import count_macs
from handkd.geometry import AngleLimits
from handkd.models import CheckpointError, load_weights
from handkd.models.distillers import BaseDistiller, DistillContext, feature_distance
from handkd.registry import MODELS

from .conftest import CODEC, estimator_cfg


def train_steps(model, batch, steps=3):
    model.train()
    wrapper = OptimWrapper(torch.optim.Adam(model.parameters(), lr=1e-3))
    return [model.train_step(copy.deepcopy(batch), wrapper) for _ in range(steps)]


def test_teacher_is_frozen_in_eval_mode_and_unchanged_by_training(distilled_cfg, batch):
    model = MODELS.build(distilled_cfg)
    teacher = model.teachers['depth']
    before = copy.deepcopy(teacher.state_dict())
    student_before = copy.deepcopy(model.student.state_dict())
    train_steps(model, batch)
    assert all(not module.training for module in teacher.modules())
    assert all(p.grad is None and not p.requires_grad for p in teacher.parameters())
    after = teacher.state_dict()
    assert all(torch.equal(value, after[key]) for key, value in before.items())
    assert any(not torch.equal(v, student_before[k]) for k, v in model.student.state_dict().items())
    own = {id(p) for p in model.parameters()}
    assert not own & {id(p) for p in teacher.parameters()}


def test_losses_are_eq_3_on_the_networks_features(distilled_cfg, batch):
    model = MODELS.build(distilled_cfg).train()
    data = model.data_preprocessor(batch, True)
    losses = model(**data, mode='loss')

    reference = copy.deepcopy(model.student).train()
    feat = reference.extract_feat(data['inputs'])[-1]
    teacher = model.teachers['depth']
    with torch.no_grad():
        teacher_feat = teacher.extract_feat(data['inputs'])[-1]
        teacher_z = teacher.head.branches.z[:-1](teacher_feat)
    z = reference.head.branches.z[:-1](feat)
    assert set(losses) == {'loss_reg', 'loss_reg_coarse', 'loss_feat_mimic', 'loss_z_mimic'}
    assert losses['loss_feat_mimic'].item() == pytest.approx(feature_distance(feat, teacher_feat).item() / 16, rel=1e-5)
    assert losses['loss_z_mimic'].item() == pytest.approx(feature_distance(z, teacher_z).item() * 5 / 16, rel=1e-5)


def test_what_is_none_is_left_out(distilled_cfg, batch):
    everything = MODELS.build(distilled_cfg).train()
    z_alone = copy.deepcopy(distilled_cfg) | dict(distillers=distilled_cfg['distillers'] | dict(feat=None))
    losses = MODELS.build(z_alone).train()(**everything.data_preprocessor(batch, True), mode='loss')
    assert set(losses) == {'loss_reg', 'loss_reg_coarse', 'loss_z_mimic'}
    nothing = dict(distillers=dict(feat=None, z=None), teachers=dict(depth=None))
    model = MODELS.build(copy.deepcopy(distilled_cfg) | nothing)
    assert (len(model.training_only), model.teachers) == (0, {})


def test_checkpoint_loads_as_the_plain_student_and_predicts_the_same(distilled_cfg, batch, tmp_path):
    model = MODELS.build(distilled_cfg)
    train_steps(model, batch)
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'student.pth')
    plain = MODELS.build(distilled_cfg['student'])
    assert set(model.state_dict()) == set(plain.state_dict())
    load_weights(plain, tmp_path / 'student.pth')
    first, second = (net.eval().test_step(copy.deepcopy(batch)) for net in (model, plain))
    for a, b in zip(first, second):
        assert (a.pred_instances.keypoints_xyz == b.pred_instances.keypoints_xyz).all()


@MODELS.register_module()
class LearningDistiller(BaseDistiller):
    student_taps = ('neck',)

    def __init__(self):
        super().__init__()
        self.adapter = torch.nn.Linear(64, 64)

    def forward(self, context: DistillContext):
        return {'self': self.adapter(context.student['neck'][-1]).square().mean()}


@pytest.mark.parametrize('prefix', ['training_only.', 'distillers.'], ids=['now', 'formerly'])
@pytest.mark.parametrize('load', [lambda m, s: m.load_state_dict(s), lambda m, s: load_state_dict(m, s, strict=True)])
def test_what_distillers_learn_is_kept_for_resuming_and_dropped_by_the_plain_student(
    distilled_cfg, batch, load, prefix
):
    distilled_cfg['distillers']['learn'] = dict(type='LearningDistiller')
    model = MODELS.build(distilled_cfg)
    train_steps(model, batch)
    state = model.state_dict()
    assert 'training_only.learn.adapter.weight' in state
    for target in (MODELS.build(distilled_cfg), MODELS.build(distilled_cfg['student'])):
        load(target, {key.replace('training_only.', prefix): value for key, value in state.items()})
        for key, value in target.state_dict().items():
            assert torch.equal(value, state[key]), key


def test_the_plain_students_checkpoint_starts_a_distilled_one(distilled_cfg):
    plain = MODELS.build(distilled_cfg['student'])
    model = MODELS.build(distilled_cfg)
    model.load_state_dict(plain.state_dict())
    assert all(torch.equal(v, plain.state_dict()[k]) for k, v in model.student.state_dict().items())


def test_teachers_are_no_part_of_the_model(distilled_cfg):
    model = MODELS.build(distilled_cfg)
    teacher = model.teachers['depth']
    own = set(map(id, teacher.modules()))
    assert not own & set(map(id, model.modules()))
    assert not any('teacher' in name for name, _ in [*model.named_parameters(), *model.named_buffers()])
    assert not any('teacher' in key for key in model.state_dict())
    model.train().requires_grad_(True)
    assert not teacher.training and not any(p.requires_grad for p in teacher.parameters())


def test_test_time_runs_no_teacher(distilled_cfg, batch):
    model = MODELS.build(distilled_cfg).eval()

    def fail(*_):
        raise AssertionError('the teacher ran')

    model.teachers['depth'].register_forward_pre_hook(fail)
    batch['inputs'].pop('depth')
    model.test_step(batch)


def test_the_teacher_moves_with_the_student(distilled_cfg):
    model = MODELS.build(distilled_cfg).to(torch.float64)
    assert next(model.teachers['depth'].parameters()).dtype == torch.float64


def test_a_misspelt_key_of_a_teacher(distilled_cfg):
    distilled_cfg['teachers']['depth']['chekpoint'] = 'teacher.pth'
    with pytest.raises(ValueError, match="teacher 'depth': unknown key 'chekpoint'; did you mean 'checkpoint'"):
        MODELS.build(distilled_cfg)


def test_missing_teacher_checkpoint(distilled_cfg):
    distilled_cfg['teachers']['depth']['checkpoint'] = 'nowhere/teacher.pth'
    with pytest.raises(
        FileNotFoundError, match=r'^model\.teachers\.depth\.checkpoint: .*nowhere/teacher\.pth.*handkd stages'
    ):
        MODELS.build(distilled_cfg)
    distilled_cfg['teachers']['depth']['checkpoint'] = None
    with pytest.raises(ValueError, match=r'model\.teachers\.depth\.checkpoint'):
        MODELS.build(distilled_cfg)


def test_teacher_of_another_architecture(distilled_cfg):
    distilled_cfg['teachers']['depth']['model'] = estimator_cfg('depth', 1, refine=True)
    with pytest.raises(CheckpointError, match=r"teacher 'depth'.*another architecture.*missing.*head\.refine"):
        MODELS.build(distilled_cfg)
    distilled_cfg['teachers']['depth']['model'] = estimator_cfg('rgb', 3)
    with pytest.raises(CheckpointError, match=r'conv1\.weight is \(8, 1, 7, 7\), expected \(8, 3, 7, 7\)'):
        MODELS.build(distilled_cfg)


def test_wrong_layer_and_wrong_teacher_are_named(distilled_cfg):
    distilled_cfg['distillers']['z']['layer'] = 'head.branches.z.relu3'
    with pytest.raises(ValueError, match=r'relu3.*head\.branches\.z\.relu2'):
        MODELS.build(distilled_cfg)
    distilled_cfg['distillers']['z'].update(layer='neck', teacher='dpeth')
    with pytest.raises(ValueError, match=r"distillers\.z reads the teacher 'dpeth'.*did you mean 'depth'"):
        MODELS.build(distilled_cfg)


def test_a_batch_without_the_teachers_modality_is_an_error(distilled_cfg, batch):
    model = MODELS.build(distilled_cfg)
    batch['inputs'].pop('depth')
    with pytest.raises(ValueError, match='depth.*rgb'):
        train_steps(model, batch, steps=1)


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
def test_background_is_suppressed_in_the_student_without_any_teacher(batch, dtype):
    student = dict(
        type='HandPoseEstimator',
        backbone=dict(type='CPMFeatures', base_channels=8),
        head=dict(type='FCHead', in_channels=16, in_size=4, hidden=(8,), codec=CODEC),
    )
    distillers = dict(mask=dict(type='BackgroundSuppression', layer='backbone.conv5_2', weight=0.5))
    model = MODELS.build(dict(type='DistilledEstimator', student=student, distillers=distillers))
    inputs = model.data_preprocessor(batch)['inputs']
    with torch.autocast('cpu', torch.bfloat16, enabled=dtype == torch.bfloat16):
        losses = model(inputs, batch['data_samples'], 'loss')
        features = model.student.backbone(inputs['rgb']).float()
    outside = torch.ones(4, 4)
    outside[1:3, 1:3] = 0  # the hand's square, rows and columns 16 to 47 of 64
    expected = 0.5 * (features.square() * outside).sum() / len(features)
    assert set(losses) == {'loss_reg', 'loss_mask_background'}
    assert losses['loss_mask_background'].dtype == torch.float32
    torch.testing.assert_close(losses['loss_mask_background'], expected)


def unet_cfg():
    """A student of EKD's kind."""
    return dict(
        type='HandPoseEstimator',
        backbone=dict(type='HandUNet', channels=4, num_convs=1, strided=True, num_stages=2),
        head=dict(
            type='Heatmap25DHead',
            num_stages=2,
            codec=dict(type='Latent25D', input_size=64),
            loss=dict(type='PoseL1Loss', depth_weight=0.3),
        ),
    )


@pytest.fixture
def ekd_of(tmp_path):
    """Returns an EKD network with EKD's two distillers; its bounds are broken by no hand, or by all."""

    def make(student, broken, **offset):
        edge = np.full((5, 4), 0.05 if broken else 1.0)
        AngleLimits(-edge, edge).write(tmp_path / 'limits.json')
        limits = str(tmp_path / 'limits.json')
        distillers = dict(
            angles=dict(type='AngleRegularizer', limits=limits, warmup=3),
            offset=dict(type='OffsetTeacher', limits=limits, **offset),
        )
        torch.manual_seed(0)
        return MODELS.build(dict(type='DistilledEstimator', student=student, distillers=distillers))

    return make


EKD_MAPS = dict(
    layers=['backbone.stages.1', 'backbone.outputs.1'], in_channels=4 + 42, conv_channels=(4, 4), hidden=(8,)
)


def test_nothing_of_ekds_teacher_is_left_in_the_student(ekd_of, seen_batch, tmp_path):
    model = ekd_of(unet_cfg(), True, **EKD_MAPS)
    train_steps(model, seen_batch)
    state, plain = model.state_dict(), MODELS.build(unet_cfg())
    taught = {key for key in state if key.startswith('training_only.')}
    assert {key for key in taught if key.startswith('training_only.angles.')} == {'training_only.angles.step'}
    assert state['training_only.angles.step'] == 3
    assert not [key for key in taught if key.endswith(('.low', '.high'))]
    assert set(state) - taught == set(plain.state_dict())

    torch.save(dict(state_dict=state), tmp_path / 'student.pth')
    load_weights(plain, tmp_path / 'student.pth')
    plain.load_state_dict({key: value for key, value in state.items() if key not in taught}, strict=True)
    first, second = (net.eval().test_step(copy.deepcopy(seen_batch)) for net in (model, plain))
    for a, b in zip(first, second):
        assert set(a.pred_instances.keys()) == {'keypoints', 'keypoints_cam', 'keypoints_cam_gt_depth', 'keypoints_xyz'}
        for key in a.pred_instances.all_keys():
            assert (a.pred_instances[key] == b.pred_instances[key]).all()
    inputs = model.data_preprocessor(seen_batch)['inputs']
    macs = [count_macs(net, lambda net=net: net(inputs, None, 'tensor')) for net in (model, plain)]
    assert macs[0] == macs[1] > 0


@pytest.mark.parametrize('broken', [False, True])
@pytest.mark.parametrize('kind', ['maps', 'vector'])
def test_every_parameter_has_a_gradient_in_every_step_of_ekd(ekd_of, seen_batch, broken, kind):
    """Whether or not a hand is invalid: processes that train together wait for all gradients."""
    if kind == 'maps':
        model = ekd_of(unet_cfg(), broken, **EKD_MAPS)
    else:
        model = ekd_of(estimator_cfg(refine=True), broken, layers=['neck'], in_channels=64, hidden=(8,))
    data = model.data_preprocessor(seen_batch, True)
    for step in range(2):
        model.zero_grad()
        losses = model.train()(**data, mode='loss')
        sum(losses.values()).backward()
        assert {key for key in losses if 'angles' in key or 'offset' in key} == {
            'loss_angles_angle', 'loss_offset_offset', 'loss_offset_modified'
        }  # fmt: skip
        assert (losses['loss_angles_angle'] > 0) == (broken and step > 0)
        assert not [name for name, p in model.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert losses['loss_offset_modified'].item() == pytest.approx(losses['loss_reg'].item(), rel=1e-5)  # M = 0


def test_ekd_is_resumed_where_it_was(ekd_of, seen_batch):
    model = ekd_of(unet_cfg(), True, **EKD_MAPS)
    train_steps(model, seen_batch)
    resumed = ekd_of(unet_cfg(), True, **EKD_MAPS)
    resumed.load_state_dict(model.state_dict())
    data = model.data_preprocessor(seen_batch, True)
    first, second = (net.train()(**data, mode='loss') for net in (model, resumed))
    assert set(first) == set(second) and all(torch.equal(first[key], second[key]) for key in first)


def test_ekd_needs_a_head_in_space(ekd_of, seen_batch):
    student = dict(
        type='HandPoseEstimator',
        backbone=dict(type='CPMFeatures', base_channels=8),
        head=dict(type='PoseMachineHead', in_channels=16, codec=dict(type='CPMHeatmap', input_size=64)),
    )
    model = ekd_of(student, True, layers=['neck'], in_channels=16)
    with pytest.raises(ValueError, match='joints in space, whose head is a PoseHead; found PoseMachineHead'):
        model(**model.data_preprocessor(seen_batch), mode='loss')
