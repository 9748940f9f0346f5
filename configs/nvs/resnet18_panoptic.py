"""The "semi-supervised" network, and all stages, with the ResNet-18 encoder."""

_base_ = './resnet50_panoptic.py'

model = dict(backbone=dict(depth=18))
stages = dict(names=dict(net='resnet18'))
