"""EKD's teacher for PI's small CPM in 3D."""

_base_ = './ekd.py'

angle_limits = dict(file='work_dirs/angle_limits/studio_pi_{labels}.json')
ekd = dict(offset=dict(layers=['backbone'], in_channels=16))
