"""The teacher of the ablation 'PMD-Net without 3 sub-networks'."""

_base_ = './resnet18half_depth_studio.py'

model = dict(head=dict(separate=False))
