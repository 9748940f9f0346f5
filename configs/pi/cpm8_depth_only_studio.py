"""Depth_Net's first training, on many depth images of other people: the studio's stand-in for BigHand2.2M."""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/pi_cpm8.py',
    '../_base_/datasets/studio_depth_only.py',
    '../_base_/schedules/pi_studio.py',
]

input_size = 96
model = dict(_base_.model.teachers.depth.model, _delete_=True)
param_scheduler = _base_.depth_only.param_scheduler
train_cfg = _base_.depth_only.train_cfg
upright = dict(resolution=input_size, randomisation=dict(view=50.0))
train_dataloader = dict(batch_size=32, dataset=upright)
val_dataloader = dict(dataset=upright)
test_dataloader = dict(dataset=upright)
val_evaluator = dict(root='wrist', scale_bone=('middle_mcp', 'middle_pip'))
test_evaluator = val_evaluator
