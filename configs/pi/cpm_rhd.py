"""PI-training by mimicry: RGB_Net's last convolution follows the frozen depth network's (Eq. 1, 2)."""

_base_ = ['./cpm_both_rhd.py', '../_base_/stages/pi.py']

model = dict(distillers=dict(mask=None))
stages = dict(names=dict(net='cpm', data='rhd', external='bighand'))
