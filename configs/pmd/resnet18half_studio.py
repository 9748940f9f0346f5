"""Stage II of PMD-Net: the RGB network distils the frozen depth network (Eq. 3 to 5)."""

_base_ = './resnet18half_rgb_studio.py'

model = dict(
    _delete_=True,
    type='DistilledEstimator',
    student=_base_.model,
    teachers=dict(depth=dict(model=_base_.depth_model, checkpoint='work_dirs/resnet18half_depth_studio/iter_3000.pth')),
    distillers=_base_.distillers,
)
train_dataloader = dict(dataset=dict(modalities=['rgb', 'depth'], pipeline=_base_.paired_train))

stages = dict(
    runs=[
        dict(name='depth', label='Depth teacher', role='teacher', config='resnet18half_depth_studio.py'),
        dict(name='rgb', label='RGB twin', role='twin', config='resnet18half_rgb_studio.py'),
        dict(name='student', label='PMD-Net', role='student', config=None, teachers=dict(depth='depth')),
    ],
)
