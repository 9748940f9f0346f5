"""The ablation 'PMD-Net without 3 sub-networks': X, Y and Z from one sub-network, in the teacher too."""

_base_ = './resnet34_rhd.py'

model = dict(
    student=dict(head=dict(separate=False)),
    teachers=dict(
        depth=dict(
            model=dict(head=dict(separate=False)), checkpoint='work_dirs/resnet34_depth_single_rhd/iter_90000.pth'
        )
    ),
    distillers=dict(_delete_=True, **_base_.single_distillers),
)
stages = dict(names=dict(teacher='depth_single'))
