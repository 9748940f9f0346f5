"""The networks of weakseg for the 14 of NYU's joints that published figures use."""

_base_ = './weakseg.py'

head = dict(joints='nyu')
direct = dict(head=head)
fused = dict(head=head)
cascade = dict(backbone=dict(estimator=direct), head=head)
