"""The RGB network before PI-training, in 2D: the paper's RGB_Net."""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/pi_2d.py',
    '../_base_/datasets/rhd_zb.py',
    '../_base_/schedules/pi.py',
]

val_evaluator = dict(type='HandPixelMetric')
test_evaluator = val_evaluator
