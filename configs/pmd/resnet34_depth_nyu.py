"""Stage I of PMD-Net: the depth network, which becomes the teacher (Eq. 2)."""

_base_ = './resnet34_rgb_nyu.py'

model = _base_.depth_model
train_dataloader = dict(dataset=dict(modalities=['depth'], pipeline=_base_.depth_train))
val_dataloader = dict(dataset=dict(modalities=['depth'], pipeline=_base_.depth_test))
test_dataloader = dict(dataset=dict(modalities=['depth'], pipeline=_base_.depth_test))
