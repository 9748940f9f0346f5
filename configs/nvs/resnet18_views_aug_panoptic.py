"""Views alone, rotated at random, with the ResNet-18 encoder."""

_base_ = './resnet50_views_aug_panoptic.py'

model = dict(backbone=dict(depth=18))
