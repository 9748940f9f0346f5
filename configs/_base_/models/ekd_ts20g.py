"""TS20G: one U-net stage, 256 wide, whose encoder halves the resolution by strided convolutions (section 4.2)."""

_base_ = './ekd.py'

model = dict(
    type='HandPoseEstimator',
    backbone=dict(type='HandUNet', channels=256, num_convs=1, strided=True),
    head=dict(type='Heatmap25DHead', codec=_base_.codec, loss=_base_.loss),
)
