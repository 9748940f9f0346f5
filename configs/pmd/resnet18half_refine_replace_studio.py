"""PMD-Net + Refine + Random Replacement (sections 3.3 and 3.4).

A fourth network adds a residual; the depth network has none. Blocks of the RGB image are overwritten in training.
"""

_base_ = './resnet18half_studio.py'

model = dict(student=dict(head=dict(refine=True, beta=0.5)))
train_dataloader = dict(dataset=dict(pipeline=_base_.paired_replace_train))
