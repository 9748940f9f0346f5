"""PMD-Net + Refine + Random Replacement (sections 3.3 and 3.4); and all rows of Table 2, for `handkd stages`.

A fourth network adds a residual; the depth network has none. Blocks of the RGB image are overwritten in training.
"""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/pmd_resnet34.py',
    '../_base_/datasets/studio.py',
    '../_base_/schedules/pmd.py',
    '../_base_/stages/pmd.py',
]

model = dict(
    student=dict(head=dict(refine=True, beta=0.5)),
    teachers=dict(depth=dict(checkpoint='work_dirs/resnet34_studio_depth/iter_90000.pth')),
)
replace = dict(type='RandomBlockReplacement', block=5, prob=0.5)
train_dataloader = dict(dataset=dict(pipeline=[replace, _base_.cube, _base_.pack_paired]))
stages = dict(runs=_base_.ablation, names=dict(student='resnet34_studio'))
