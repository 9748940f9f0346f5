"""PI in 3D small enough for a CPU: an eighth of the width, at 96x96."""

_base_ = './pi.py'

head = dict(in_channels=16, in_size=6, hidden=(256,))
model = dict(backbone=dict(base_channels=8), head=head)
depth_model = dict(backbone=dict(base_channels=8), head=head)
