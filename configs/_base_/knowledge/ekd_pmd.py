"""EKD's teacher for PMD-Net's students, whose location loss is alpha = 100 times a norm (Eq. 5 of PMD-Net)."""

_base_ = './ekd.py'

angle_limits = dict(file='work_dirs/angle_limits/studio_{labels}.json')
ekd = dict(
    angles=dict(weight=10.0),
    offset=dict(layers=['neck'], in_channels=256, offset_weight=1.0),
)
