"""PMD-Net on the hand studio, small enough for a CPU: the RGB network distils the depth network (Eq. 3 to 5)."""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/pmd_resnet18half.py',
    '../_base_/datasets/studio.py',
    '../_base_/schedules/pmd_studio.py',
    '../_base_/stages/pmd.py',
]

model = dict(teachers=dict(depth=dict(checkpoint='work_dirs/resnet18half_studio_depth/iter_3000.pth')))
