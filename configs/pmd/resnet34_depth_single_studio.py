"""The teacher of the ablation 'PMD-Net without 3 sub-networks'."""

_base_ = './resnet34_depth_studio.py'

model = dict(head=dict(separate=False))
