import pytest
import torch

from handkd.registry import MODELS

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
