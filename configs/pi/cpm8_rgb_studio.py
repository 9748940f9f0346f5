"""The RGB network before PI-training: the paper's RGB_Net."""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/pi_cpm8.py',
    '../_base_/datasets/studio_pi.py',
    '../_base_/schedules/pi_studio.py',
]

val_evaluator = dict(root='wrist', scale_bone=('middle_mcp', 'middle_pip'))
test_evaluator = val_evaluator
