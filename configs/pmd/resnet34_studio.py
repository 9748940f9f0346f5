"""PMD-Net on the hand studio, the network of the paper: the RGB network distils the depth network (Eq. 3 to 5)."""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/pmd_resnet34.py',
    '../_base_/datasets/studio.py',
    '../_base_/schedules/pmd.py',
    '../_base_/stages/pmd.py',
]

model = dict(teachers=dict(depth=dict(checkpoint='work_dirs/resnet34_studio_depth/iter_90000.pth')))
