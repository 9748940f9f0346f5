"""Depth_Net's first training if BigHand2.2M is missing: on the studio's depth images, in 2D."""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/pi_cpm2d.py',
    '../_base_/datasets/studio_depth_only.py',
    '../_base_/schedules/pi.py',
]

input_size = 256
model = dict(_base_.model.teachers.depth.model, _delete_=True)
param_scheduler = _base_.depth_only.param_scheduler
train_cfg = _base_.depth_only.train_cfg
train_dataloader = dict(batch_size=8, dataset=dict(resolution=input_size))
val_dataloader = dict(dataset=dict(resolution=input_size))
test_dataloader = dict(dataset=dict(resolution=input_size))
val_evaluator = dict(_delete_=True, type='HandPixelMetric')
test_evaluator = val_evaluator
