"""PI-training by masks of four fifths of the images: RGB_Net is kept silent outside the hand (Eq. 3).

In 2D this is the paper's method (section 4.2).
"""

_base_ = ['./cpm2d_both_rhd.py', '../_base_/stages/pi_2d.py']

model = dict(distillers=dict(inter=None), teachers=dict(depth=None))
stages = dict(names=dict(net='cpm2d', data='rhd', external='bighand'))
