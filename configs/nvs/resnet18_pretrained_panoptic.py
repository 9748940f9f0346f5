"""The "pre-trained" network, with the ResNet-18 encoder."""

_base_ = './resnet50_pretrained_panoptic.py'

model = dict(backbone=dict(depth=18))
