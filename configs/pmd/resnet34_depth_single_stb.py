"""The teacher of the ablation 'PMD-Net without 3 sub-networks'."""

_base_ = './resnet34_depth_stb.py'

model = dict(head=dict(separate=False))
