import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate

from handkd.registry import MODELS, TRANSFORMS

CODEC = dict(type='RootRelativeXYZ', root='middle_mcp', scale_bone=('wrist', 'middle_mcp'))


def estimator_cfg(modality='rgb', channels=3, **head):
    return dict(
        type='HandPoseEstimator',
        modality=modality,
        backbone=dict(type='HandResNet', depth=18, stem='imagenet', base_channels=8, in_channels=channels),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(type='PMDHead', in_channels=64, codec=CODEC, **head),
    )


@pytest.fixture
def teacher_file(tmp_path):
    torch.manual_seed(1)
    teacher = MODELS.build(estimator_cfg('depth', 1))
    teacher.init_weights()
    torch.save(dict(state_dict=teacher.state_dict()), tmp_path / 'teacher.pth')
    return str(tmp_path / 'teacher.pth')


@pytest.fixture
def distilled_cfg(teacher_file):
    return dict(
        type='DistilledEstimator',
        student=estimator_cfg(refine=True),
        teachers=dict(depth=dict(model=estimator_cfg('depth', 1), checkpoint=teacher_file)),
        distillers=dict(
            feat=dict(type='FeatureMimic', layer='neck', weight=1 / 16),
            z=dict(type='FeatureMimic', layer='head.branches.z.relu2', weight=5 / 16),
        ),
    )


MEAN, STD = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]
_REGRESSION = dict(type='RegressionLabel', input_size=(64, 64))
_SIMCC = dict(type='SimCCLabel', input_size=(64, 64), sigma=2.0, simcc_split_ratio=2.0)
MMPOSE_CODECS = dict(
    heatmap=dict(type='MSRAHeatmap', input_size=(64, 64), heatmap_size=(8, 8), sigma=1),
    simcc=_SIMCC,
    rtmcc=_SIMCC,
    regression=_REGRESSION,
    rle=_REGRESSION,
    integral=_REGRESSION,
    dsnt=dict(type='IntegralRegressionLabel', input_size=(64, 64), heatmap_size=(8, 8), sigma=1),
)
_UP = dict(deconv_out_channels=(8, 8), deconv_kernel_sizes=(4, 4))
_GRID = dict(in_featuremap_size=(2, 2))
MMPOSE_HEADS = dict(
    heatmap=dict(type='HeatmapHead', out_channels=21, **_UP),
    simcc=dict(type='SimCCHead', input_size=(64, 64), out_channels=21, deconv_out_channels=None, **_GRID),
    rtmcc=dict(
        type='RTMCCHead', input_size=(64, 64), out_channels=21, final_layer_kernel_size=1, **_GRID,
        gau_cfg=dict(hidden_dims=16, s=8, expansion_factor=2, dropout_rate=0.0, drop_path=0.0, act_fn='SiLU',
                     use_rel_bias=False, pos_enc=False),
    ),
    regression=dict(type='RegressionHead', num_joints=21),
    rle=dict(type='RLEHead', num_joints=21),
    integral=dict(type='IntegralRegressionHead', num_joints=21, **_UP, **_GRID),
    dsnt=dict(type='DSNTHead', num_joints=21, **_UP, **_GRID),
)  # fmt: skip
POOLED = ('regression', 'rle')
"""Kinds of head that take pooled features."""


def topdown_cfg(kind='heatmap', width=8, **own):
    """An estimator of MMPose, unchanged."""
    return dict(
        type='TopdownPoseEstimator',
        data_preprocessor=dict(type='PoseDataPreprocessor', mean=MEAN, std=STD, bgr_to_rgb=True),
        backbone=dict(type='ResNet', depth=18, base_channels=width, stem_channels=8),
        neck=dict(type='GlobalAveragePooling') if kind in POOLED else None,
        head=dict(MMPOSE_HEADS[kind], in_channels=8 * width, decoder=MMPOSE_CODECS[kind]),
        **own,
    )


@pytest.fixture
def mmpose_batch():
    """Returns a batch as MMPose's pipeline and collate function give it, for one kind of head."""

    def make(kind='heatmap', number=2):
        rng = np.random.default_rng(0)
        flips = [(i + 1) % 2 + 2 * (i // 2) if i < 20 else 20 for i in range(21)]
        steps = [dict(type='GetBBoxCenterScale'), dict(type='TopdownAffine', input_size=(64, 64))]
        steps += [dict(type='GenerateTarget', encoder=MMPOSE_CODECS[kind]), dict(type='PackPoseInputs')]
        pipeline = [TRANSFORMS.build(step) for step in steps]
        packed = []
        for i in range(number):
            sample = dict(
                img=rng.integers(0, 256, (80, 80, 3), np.uint8), bbox=np.float32([[4, 8, 76, 72]]), img_id=i, id=i,
                bbox_score=np.ones(1, np.float32), keypoints=rng.uniform(10, 70, (1, 21, 2)).astype(np.float32),
                keypoints_visible=np.ones((1, 21), np.float32), flip_indices=flips, img_shape=(80, 80),
            )  # fmt: skip
            for step in pipeline:
                sample = step(sample)
            packed.append(sample)
        return pseudo_collate(packed)

    return make
