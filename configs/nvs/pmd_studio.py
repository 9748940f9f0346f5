"""PMD-Net, its student starting from the encoder learnt from views; and all stages, for tools/stages.py.

Teacher and student have different backbones, so that of Eq. 3 only the sub-networks' layers are mimicked.
"""

_base_ = './pmd_rgb_studio.py'

model = dict(
    _delete_=True,
    type='DistilledEstimator',
    student=_base_.model,
    teachers=dict(depth=dict(model=_base_.depth_model, checkpoint='work_dirs/resnet18half_depth_studio/iter_3000.pth')),
    distillers=dict(x=_base_.distillers.x, y=_base_.distillers.y, z=_base_.distillers.z),
)
train_dataloader = dict(dataset=dict(modalities=['rgb', 'depth'], pipeline=_base_.paired_train))
stages = dict(
    runs=[
        dict(name='views', label='views', role='pretraining', config='resnet18quarter_views_studio.py'),
        dict(name='depth', label='Depth teacher', role='teacher', config='../pmd/resnet18half_depth_studio.py'),
        dict(name='rgb', label='RGB baseline, from nothing', role='baseline', config='pmd_rgb_studio.py'),
        dict(
            name='started',
            label='RGB, from the views',
            role='variant',
            config='pmd_rgb_studio.py',
            checkpoints={'model.backbone.checkpoint': 'views'},
        ),
        dict(
            name='student',
            label='PMD-Net, from the views',
            role='student',
            config=None,
            teachers=dict(depth='depth'),
            checkpoints={'model.student.backbone.checkpoint': 'views'},
        ),
    ],
)
