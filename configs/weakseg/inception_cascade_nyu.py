"""Baseline (b) of Table 4: the joints of (a), each refined from a closer crop."""

_base_ = './inception_direct_nyu.py'

model = dict(_delete_=True, **_base_.cascade)
