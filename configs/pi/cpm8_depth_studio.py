"""The depth network, Depth_Net: trained on external depth images, now on the depth of the paired set."""

_base_ = './cpm8_rgb_studio.py'

model = _base_.depth_model
load_from = 'work_dirs/cpm8_depth_only_studio/iter_1000.pth'
train_dataloader = dict(dataset=dict(modalities=['depth'], pipeline=_base_.depth_train))
val_dataloader = dict(dataset=dict(modalities=['depth'], pipeline=_base_.depth_test))
test_dataloader = dict(dataset=dict(modalities=['depth'], pipeline=_base_.depth_test))
