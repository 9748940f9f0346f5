"""PMD-Net with a student, a further distiller and an augmentation from a separate package."""

_base_ = '../../../configs/pmd/resnet18half_studio.py'

custom_imports = dict(imports=['hand_plugin'], allow_failed_imports=False)

model = dict(
    student=dict(backbone=dict(_delete_=True, type='SeparableNet', channels=(64, 128, 256))),
    distillers=dict(selectivity=dict(type='NeuronSelectivity', weight=10.0)),
)
train_dataloader = dict(
    dataset=dict(pipeline=[dict(type='RandomGrey', prob=0.2), *_base_.train_dataloader.dataset.pipeline])
)

stages = dict(
    runs=[
        dict(
            name='depth',
            label='Depth teacher',
            role='teacher',
            config='../../../configs/pmd/resnet18half_studio.py',
            teacher='depth',
        ),
        dict(name='plugin', label='Plugin', role='student', config=None, teachers=dict(depth='depth')),
    ],
)
