"""The "pre-trained" network: the encoder learnt from views is frozen, and the pose network learns from labels."""

_base_ = './resnet50_supervised_panoptic.py'

model = _base_.frozen_model
train_cfg = _base_.frozen.train_cfg
