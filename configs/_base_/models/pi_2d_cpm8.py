"""PI in 2D small enough for a CPU: an eighth of the width, at 96x96, with targets of the maps' own size.

A cell is a twelfth of the image, not a thirty-second, so joints are decoded between the cells. Eq. 1 and 3 sum over the
features, of which there are 12 x 12 x 16 here and 32 x 32 x 128 in the paper's network. lambda is smaller by as much,
so that Eq. 2 weighs them as the paper does.
"""

_base_ = './pi_2d.py'

codec = dict(input_size=96, heatmap_size=12, sigma=25.0 * 96 / 256, enlarge=False, decoder='dark')
head = dict(in_channels=16, first_channels=64, channels=16, codec=codec)
model = dict(
    backbone=dict(base_channels=8), head=dict(loss=dict(loss_weight=100.0 * (12 * 12 * 16) / (32 * 32 * 128)), **head)
)
depth_model = dict(backbone=dict(base_channels=8), head=head)
