"""Depth_Net's first training, on BigHand2.2M's depth images."""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/pi_cpm.py',
    '../_base_/datasets/bighand_zb.py',
    '../_base_/schedules/pi.py',
]

model = dict(_base_.model.teachers.depth.model, _delete_=True)
param_scheduler = _base_.depth_only.param_scheduler
train_cfg = _base_.depth_only.train_cfg
val_evaluator = dict(type='HandKeypointMetric', root='wrist', scale_bone=('middle_mcp', 'middle_pip'))
test_evaluator = val_evaluator
