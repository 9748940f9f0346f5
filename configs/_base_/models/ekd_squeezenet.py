"""SqueezeNet whose last layer regresses the 2.5D pose (section 4.2).

Its last layer was a 1x1 convolution before the average; behind it, it is the same function for less work.
"""

_base_ = './ekd.py'

model = dict(
    type='HandPoseEstimator',
    backbone=dict(type='SqueezeNet', version='1.0'),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='Regression25DHead', in_channels=512, codec=_base_.codec, loss=_base_.loss),
)
