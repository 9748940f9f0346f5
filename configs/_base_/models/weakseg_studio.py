"""The networks of weakseg, narrower, for a CPU: a sixth of f_s's multiplications, a twelfth of f_r's weights."""

_base_ = './weakseg.py'

segmentation = dict(
    backbone=dict(channels=(16, 32, 64), hidden=(128, 128)),
    head=dict(in_channels=128),
)
direct = dict(head=dict(hidden=100))
fused = dict(backbone=dict(segmentation=segmentation), head=dict(hidden=100))
cascade = dict(backbone=dict(estimator=direct), head=dict(hidden=100))
