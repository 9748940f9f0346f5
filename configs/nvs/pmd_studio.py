"""PMD-Net, its student starting from the encoder learnt from views; and all stages, for `handkd stages`.

Teacher and student have different backbones, so that of Eq. 3 only the sub-networks' layers are mimicked.
"""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/pmd_resnet18half.py',
    '../_base_/models/nvs_studio.py',
    '../_base_/datasets/studio.py',
    '../_base_/schedules/pmd_studio.py',
]

model = dict(
    student=dict(
        _delete_=True,
        type='HandPoseEstimator',
        modality='rgb',
        backbone=_base_.encoder,
        head=dict(_base_.model.student.head, in_channels=600),
    ),
    teachers=dict(depth=dict(checkpoint='work_dirs/resnet18half_studio_depth/iter_3000.pth')),
    distillers=dict(feat=None),
)

from_views = {'model.student.backbone.checkpoint': 'views'}
stages = dict(
    runs=[
        dict(name='views', label='views', role='pretraining', config='resnet18quarter_views_studio.py'),
        dict(
            name='depth',
            label='Depth teacher',
            role='teacher',
            config='../pmd/resnet18half_studio.py',
            teacher='depth',
        ),
        dict(name='rgb', label='RGB baseline, from nothing', role='baseline', baseline=True),
        dict(name='started', label='RGB, from the views', role='variant', baseline=True, checkpoints=from_views),
        dict(
            name='student',
            label='PMD-Net, from the views',
            role='student',
            teachers=dict(depth='depth'),
            checkpoints=from_views,
        ),
    ],
)
