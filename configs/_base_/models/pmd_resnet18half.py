"""PMD-Net small enough for a CPU: a ResNet-18 of half width after the ImageNet stem."""

_base_ = './pmd.py'

model = dict(backbone=dict(depth=18, stem='imagenet', base_channels=32), head=dict(in_channels=256))
depth_model = dict(backbone=dict(depth=18, stem='imagenet', base_channels=32), head=dict(in_channels=256))
