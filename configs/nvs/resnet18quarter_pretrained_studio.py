"""The "pre-trained" network: the encoder learnt from views is frozen, and the pose network learns from labels."""

_base_ = './resnet18quarter_supervised_studio.py'

model = _base_.frozen_model
train_cfg = _base_.frozen.train_cfg
param_scheduler = _base_.frozen.param_scheduler
optim_wrapper = _base_.frozen.optim_wrapper
