"""The RGB network before PI-training, in 2D: the paper's RGB_Net."""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/pi_2d_cpm8.py',
    '../_base_/datasets/studio_pi.py',
    '../_base_/schedules/pi_studio.py',
]

val_evaluator = dict(_delete_=True, type='HandPixelMetric')
test_evaluator = val_evaluator
