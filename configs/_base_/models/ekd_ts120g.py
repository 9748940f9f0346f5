"""TS120G: two U-net stages at full resolution, 256 wide (section 4.2)."""

_base_ = './ekd.py'

model = dict(
    type='HandPoseEstimator',
    backbone=dict(type='HandUNet', channels=256, num_stages=2, last_conv=True),
    head=dict(type='Heatmap25DHead', num_stages=2, codec=_base_.codec, loss=_base_.loss),
)
