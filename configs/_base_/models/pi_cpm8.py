"""PI in 3D small enough for a CPU: an eighth of the width, at 96x96.

Eq. 1 and 3 sum over the features, of which there are 6 x 6 x 16 here and 16 x 16 x 128 in the paper's network. lambda
is smaller by as much, so that Eq. 2 weighs them as the paper does.
"""

_base_ = './pi.py'

head = dict(in_channels=16, in_size=6, hidden=(256,))
model = dict(
    backbone=dict(base_channels=8), head=dict(loss=dict(loss_weight=100.0 * (6 * 6 * 16) / (16 * 16 * 128)), **head)
)
depth_model = dict(backbone=dict(base_channels=8), head=head)
