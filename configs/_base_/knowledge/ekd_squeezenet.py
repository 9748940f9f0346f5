"""EKD's teacher for SqueezeNet: its offset network sees the averaged features."""

_base_ = './ekd.py'

ekd = dict(offset=dict(layers=['neck'], in_channels=512))
