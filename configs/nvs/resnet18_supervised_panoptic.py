"""The "supervised" network, with the ResNet-18 encoder."""

_base_ = './resnet50_supervised_panoptic.py'

model = dict(backbone=dict(depth=18))
