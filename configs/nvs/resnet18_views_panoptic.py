"""Views alone, with the ResNet-18 encoder."""

_base_ = './resnet50_views_panoptic.py'

model = dict(backbone=dict(depth=18))
