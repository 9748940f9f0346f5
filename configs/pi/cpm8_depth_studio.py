"""The depth network, Depth_Net: trained on external depth images, now on the depth of the paired set."""

_base_ = './cpm8_rgb_studio.py'

model = _base_.depth_model
load_from = 'work_dirs/cpm8_depth_only_studio/iter_800.pth'
optim_wrapper = _base_.depth_paired.optim_wrapper
param_scheduler = _base_.depth_paired.param_scheduler
train_cfg = _base_.depth_paired.train_cfg
train_dataloader = dict(dataset=dict(modalities=['depth'], pipeline=_base_.depth_train))
val_dataloader = dict(dataset=dict(modalities=['depth'], pipeline=_base_.depth_test))
test_dataloader = dict(dataset=dict(modalities=['depth'], pipeline=_base_.depth_test))
