import copy

import pytest
import torch
from mmengine.optim import OptimWrapper
from mmengine.runner import load_state_dict

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


@pytest.mark.parametrize('load', [lambda m, s: m.load_state_dict(s), lambda m, s: load_state_dict(m, s, strict=True)])
def test_what_distillers_learn_is_kept_for_resuming_and_dropped_by_the_plain_student(distilled_cfg, batch, load):
    distilled_cfg['distillers']['learn'] = dict(type='LearningDistiller')
    model = MODELS.build(distilled_cfg)
    train_steps(model, batch)
    state = model.state_dict()
    assert 'distillers.learn.adapter.weight' in state
    for target in (MODELS.build(distilled_cfg), MODELS.build(distilled_cfg['student'])):
        load(target, dict(state))
        for key, value in target.state_dict().items():
            assert torch.equal(value, state[key]), key


def test_the_plain_students_checkpoint_starts_a_distilled_one(distilled_cfg):
    plain = MODELS.build(distilled_cfg['student'])
    model = MODELS.build(distilled_cfg)
    model.load_state_dict(plain.state_dict())
    assert all(torch.equal(v, plain.state_dict()[k]) for k, v in model.student.state_dict().items())


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
    with pytest.raises(FileNotFoundError, match='nowhere/teacher.pth'):
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
    with pytest.raises(ValueError, match=r"distiller 'z' reads the teacher 'dpeth'.*depth"):
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
