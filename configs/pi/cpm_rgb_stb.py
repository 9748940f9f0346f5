"""The RGB network before PI-training: the paper's RGB_Net."""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/pi.py',
    '../_base_/datasets/stb_zb.py',
    '../_base_/schedules/pi.py',
]

val_evaluator = dict(type='HandKeypointMetric', root='palm', scale_bone=('middle_mcp', 'middle_pip'))
test_evaluator = val_evaluator
