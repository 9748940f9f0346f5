"""PI-training by masks of four fifths of the images: RGB_Net goes on, kept silent outside the hand (Eq. 3)."""

_base_ = './cpm2d_mask02_rhd.py'

model = dict(distillers=dict(mask=dict(fraction=0.8)))
