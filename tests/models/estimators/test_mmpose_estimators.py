"""Estimators of MMPose, unchanged, as students and teachers."""

import copy

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.optim import OptimWrapper
from mmengine.registry import init_default_scope

from handkd.models import load_weights
from handkd.models.distillers import BaseDistiller
from handkd.registry import MODELS, TRANSFORMS

from .conftest import MEAN, MMPOSE_HEADS, STD, estimator_cfg, topdown_cfg


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('handkd')  # as a run does: MMEngine itself builds MMPose's preprocessor


@MODELS.register_module()
class HeadDistance(BaseDistiller):
    """Mean squared distance of two heads' outputs."""

    student_taps = ('head',)
    teacher_taps = dict(big=('head',))

    def forward(self, context):
        pair = context.student['head'], context.teachers['big']['head']
        student, teacher = (one if isinstance(one, (tuple, list)) else (one,) for one in pair)
        return dict(distance=sum((a - b).square().mean() for a, b in zip(student, teacher)))


@MODELS.register_module()
class PooledDistance(BaseDistiller):
    """Mean squared distance of pooled features."""

    student_taps = ('backbone',)
    teacher_taps = dict(big=('neck',))

    def forward(self, context):
        pooled = context.student['backbone'][-1].mean((2, 3))
        return dict(distance=(pooled - context.teachers['big']['neck'][-1]).square().mean())


@pytest.fixture
def distilled(tmp_path):
    def make(student, teacher, **own):
        torch.manual_seed(1)
        torch.save(dict(state_dict=MODELS.build(teacher).state_dict()), tmp_path / 'teacher.pth')
        return (
            dict(
                type='DistilledEstimator',
                student=student,
                teachers=dict(big=dict(model=teacher, checkpoint=str(tmp_path / 'teacher.pth'))),
                distillers=dict(head=dict(type='HeadDistance')),
            )
            | own
        )

    return make


def train_step(model, batch):
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.01))
    return model.train().train_step(copy.deepcopy(batch), wrapper)


@pytest.mark.parametrize('kind', MMPOSE_HEADS)
def test_one_teaches_another_and_the_student_is_the_plain_one(distilled, mmpose_batch, tmp_path, kind):
    test_cfg = dict(flip_test=kind in ('heatmap', 'simcc', 'rtmcc'), flip_mode='heatmap', shift_heatmap=False)
    student = topdown_cfg(kind, test_cfg=test_cfg)
    batch = mmpose_batch(kind)
    model = MODELS.build(distilled(student, topdown_cfg(kind, width=16)))
    found = train_step(model, batch)
    assert 'loss_head_distance' in found and any(key.startswith('loss_kpt') for key in found)
    assert all(value.isfinite() for value in found.values())
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'student.pth')
    plain = MODELS.build(dict(student, type='mmpose.TopdownPoseEstimator'))
    assert set(model.state_dict()) == set(plain.state_dict())
    load_weights(plain, tmp_path / 'student.pth')
    first, second = (net.eval().test_step(copy.deepcopy(batch)) for net in (model, plain))
    for a, b in zip(first, second):
        np.testing.assert_array_equal(a.pred_instances.keypoints, b.pred_instances.keypoints)
        np.testing.assert_array_equal(a.pred_instances.keypoint_scores, b.pred_instances.keypoint_scores)


_HR = [
    dict(num_modules=1, num_branches=1, block='BOTTLENECK', num_blocks=(1,), num_channels=(4,)),
    *(
        dict(num_modules=1, num_branches=n, block='BASIC', num_blocks=(1,) * n, num_channels=(4, 8, 12, 16)[:n])
        for n in (2, 3, 4)
    ),
]
_LITE = dict(
    stem=dict(stem_channels=8, out_channels=8, expand_ratio=1), num_stages=2,
    stages_spec=dict(
        num_modules=(1, 1), num_branches=(2, 3), num_blocks=(2, 2), module_type=('LITE', 'LITE'),
        with_fuse=(True, True), reduce_ratios=(8, 8), num_channels=((8, 16), (8, 16, 32)),
    ),
    with_head=True,
)  # fmt: skip
BACKBONES = dict(
    hrnet=(dict(type='HRNet', extra={f'stage{i + 1}': stage for i, stage in enumerate(_HR)}), 4),
    litehrnet=(dict(type='LiteHRNet', extra=_LITE), 8),
    mobilenetv2=(dict(type='MobileNetV2', widen_factor=0.25, out_indices=(7,)), 1280),
    mobilenetv3=(dict(type='MobileNetV3', arch='small'), 96),
    shufflenetv2=(dict(type='ShuffleNetV2', widen_factor=0.5), 1024),
    cspnext=(dict(type='CSPNeXt', deepen_factor=0.17, widen_factor=0.125, out_indices=(4,)), 128),
    vipnas_resnet=(
        dict(type='ViPNAS_ResNet', depth=50, wid=[8, 16, 16, 16, 16], dep=[None, 1, 1, 1, 1], group=[None, 4, 4, 4, 4]),
        16,
    ),
    vipnas_mbv3=(dict(type='ViPNAS_MobileNetV3', dep=[None, 1, 1, 1, 1, 1, 1]), 160),
)


@pytest.mark.parametrize('name', BACKBONES)
def test_backbones_of_mmpose_learn_and_teach(distilled, mmpose_batch, name):
    backbone, channels = BACKBONES[name]
    cfg = topdown_cfg('regression')
    cfg.update(backbone=backbone, head=dict(cfg['head'], in_channels=channels))
    batch = mmpose_batch('regression')
    model = MODELS.build(distilled(cfg, cfg))
    assert {'loss_kpt', 'loss_head_distance'} <= set(train_step(model, batch))
    plain = MODELS.build(cfg)
    plain.load_state_dict(model.state_dict())
    first, second = (net.eval().test_step(copy.deepcopy(batch)) for net in (model, plain))
    for a, b in zip(first, second):
        np.testing.assert_array_equal(a.pred_instances.keypoints, b.pred_instances.keypoints)


INTERNET = dict(type='Hand3DHeatmap', image_size=[64, 64], root_heatmap_size=8, heatmap_size=[8, 8, 8], sigma=1,
                max_bound=255, depth_size=8)  # fmt: skip


def internet_cfg():
    keypoints = dict(in_channels=64, out_channels=21 * 8, depth_size=8, deconv_out_channels=(8, 8),
                     deconv_kernel_sizes=(4, 4))  # fmt: skip
    head = dict(
        type='InternetHead', keypoint_head_cfg=keypoints, decoder=INTERNET,
        root_head_cfg=dict(in_channels=64, heatmap_size=8, hidden_dims=(16,)),
        hand_type_head_cfg=dict(in_channels=64, num_labels=2, hidden_dims=(16,)),
    )  # fmt: skip
    return dict(topdown_cfg(), head=head)


def two_hands(training):
    """A batch as MMPose's pipelines give it for InterHand2.6M: 42 joints with depth, root depth and types."""
    steps = [dict(type='GetBBoxCenterScale'), dict(type='TopdownAffine', input_size=(64, 64))]
    steps += [dict(type='GenerateTarget', encoder=INTERNET)] if training else []
    rng, packed = np.random.default_rng(0), []
    for i in range(2):
        sample = dict(
            img=rng.integers(0, 256, (80, 80, 3), np.uint8), bbox=np.float32([[4, 8, 76, 72]]), img_id=i, id=i,
            bbox_score=np.ones(1, np.float32), keypoints=rng.uniform(10, 70, (1, 42, 3)).astype(np.float32),
            keypoints_visible=np.ones((1, 42), np.float32), img_shape=(80, 80), rel_root_depth=np.float32(20),
            rel_root_valid=1.0, hand_type=np.float32([[1, 0]]), hand_type_valid=np.float32([1]),
            focal=np.float32([100, 100]), principal_pt=np.float32([40, 40]), abs_depth=np.float32([300, 310]),
        )  # fmt: skip
        for step in [*steps, dict(type='PackPoseInputs')]:
            sample = TRANSFORMS.build(step)(sample)
        packed.append(sample)
    return pseudo_collate(packed)


def test_the_hand_3d_head_learns_and_teaches(distilled):
    model, batch = MODELS.build(distilled(internet_cfg(), internet_cfg())), two_hands(False)
    found = train_step(model, two_hands(True))
    assert {'loss_kpt', 'loss_rel_root', 'loss_hand_type', 'loss_head_distance'} <= set(found)
    plain = MODELS.build(internet_cfg())
    plain.load_state_dict(model.state_dict())
    first, second = (net.eval().test_step(copy.deepcopy(batch)) for net in (model, plain))
    for a, b in zip(first, second):
        for key in ('keypoints', 'rel_root_depth', 'hand_type'):
            np.testing.assert_array_equal(a.pred_instances[key], b.pred_instances[key])


def test_the_context_has_images_by_modality(distilled, mmpose_batch, monkeypatch):
    seen = []
    monkeypatch.setattr(HeadDistance, 'forward', lambda _, context: seen.append(context) or {})
    train_step(MODELS.build(distilled(topdown_cfg(), topdown_cfg())), mmpose_batch())
    assert {name: tuple(images.shape) for name, images in seen[0].inputs.items()} == dict(rgb=(2, 3, 64, 64))


def test_the_teacher_gets_its_own_normalisation(distilled, mmpose_batch):
    teacher = topdown_cfg()
    teacher['data_preprocessor'] = dict(type='PoseDataPreprocessor', mean=[1.0, 2.0, 3.0], std=[40.0, 50.0, 60.0])
    batch = mmpose_batch()
    model = MODELS.build(distilled(topdown_cfg(), teacher))
    seen = []
    for network in (model.student, model.teachers['big']):
        network.backbone.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    train_step(model, batch)
    pixels = torch.stack(batch['inputs']).double()
    for images, (mean, std, reverse) in zip(seen, [(MEAN, STD, True), ([1, 2, 3], [40, 50, 60], False)]):
        expected = pixels.flip(1) if reverse else pixels
        expected = (expected - expected.new_tensor(mean).view(3, 1, 1)) / expected.new_tensor(std).view(3, 1, 1)
        np.testing.assert_allclose(images, expected, rtol=1e-5, atol=1e-5)


def test_a_student_of_mmpose_learns_from_a_teacher_of_depth(distilled, mmpose_batch):
    """Images by modality come from handkd's preprocessor, which has the student's statistics."""
    student, teacher = topdown_cfg(), estimator_cfg('depth', 1)
    own = dict(type='HandDataPreprocessor', rgb=dict(mean=MEAN, std=STD), bgr_to_rgb=True)
    distillers = dict(feature=dict(type='PooledDistance'))
    model = MODELS.build(distilled(student, teacher, data_preprocessor=own, distillers=distillers))
    batch = mmpose_batch()
    batch['inputs'] = dict(rgb=batch['inputs'], depth=list(torch.rand(2, 1, 64, 64)))
    assert {'loss_kpt', 'loss_feature_distance'} <= set(train_step(model, batch))


def test_a_teacher_of_mmpose_and_a_student_of_handkd(distilled, batch):
    mimic = dict(type='FeatureMimic', teacher='big', layer='backbone')
    model = MODELS.build(distilled(topdown_backbone(), topdown_cfg(), distillers=dict(feature=mimic)))
    assert {'loss_reg', 'loss_feature_mimic'} <= set(train_step(model, batch))


def topdown_backbone():
    """An estimator of handkd on the backbone of MMPose's."""
    return dict(estimator_cfg(), backbone=topdown_cfg()['backbone'])
