"""The depth network, Depth_Net: trained on external depth images, now on the depth of the paired set."""

_base_ = './cpm2d_rgb_rhd.py'

model = _base_.depth_model
load_from = 'work_dirs/cpm2d_depth_only_bighand/iter_100000.pth'
train_dataloader = dict(dataset=dict(modalities=['depth'], pipeline=_base_.depth_train))
val_dataloader = dict(dataset=dict(modalities=['depth'], pipeline=_base_.depth_test))
test_dataloader = dict(dataset=dict(modalities=['depth'], pipeline=_base_.depth_test))
