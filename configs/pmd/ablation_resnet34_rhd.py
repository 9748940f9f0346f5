"""PMD-Net + Refine + Random Replacement (sections 3.3 and 3.4); and all rows of Table 2, for `handkd stages`.

A fourth network adds a residual; the depth network has none. Blocks of the RGB image are overwritten in training.
"""

_base_ = './resnet34_rhd.py'

model = dict(student=dict(head=dict(refine=True, beta=0.5)))
replace = dict(type='RandomBlockReplacement', block=5, prob=0.5)  # K = 5 on RHD
train_dataloader = dict(
    dataset=dict(pipeline=[_base_.crop, _base_.flip, _base_.warp, replace, _base_.cube, _base_.pack_paired])
)
stages = dict(runs=_base_.ablation, names=dict(student='resnet34_rhd'))
