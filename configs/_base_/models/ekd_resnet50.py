"""ResNet-50 whose last layer regresses the 2.5D pose (section 4.2)."""

_base_ = './ekd.py'

model = dict(
    type='HandPoseEstimator',
    backbone=dict(type='ResNet', depth=50),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='Regression25DHead', in_channels=2048, codec=_base_.codec, loss=_base_.loss),
)
