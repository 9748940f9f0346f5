"""Baseline (b) of Table 4: the joints of (a), each refined by looking closer."""

_base_ = './inception_direct_nyu.py'

model = dict(_delete_=True, **_base_.cascade)
