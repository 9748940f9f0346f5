"""The student: an RTMPose of t's form, without distillation the baseline. A plain config of MMPose."""

_base_ = 'rtmpose_m.py'

# RTMPose-t: deepen_factor=0.167, widen_factor=0.375.
model = dict(backbone=dict(deepen_factor=0.167, widen_factor=0.125), head=dict(in_channels=64))
