"""EKD's teacher for ResNet-50: its offset network sees the averaged features."""

_base_ = './ekd.py'

ekd = dict(offset=dict(layers=['neck'], in_channels=2048))
