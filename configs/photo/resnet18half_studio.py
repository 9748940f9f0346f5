"""A student that reads photographs, trained on the studio alone: 0.11 GMAC, joints in the image, in space, and side.

It begins with the weights of `photo/resnet18half_studio_first` (--cfg-options load_from=...). For a training of many
hours on a CPU: the rate is constant, so that it can be cut anywhere or continued, with averaged weights (those of every
checkpoint), and falls along a cosine in the last third.
"""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/datasets/studio_photo.py',
    '../_base_/models/photo_resnet18half.py',
]

param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=500),
    dict(type='CosineAnnealingLR', eta_min=0.0, by_epoch=False, begin=50_000, end=80_000),
]
train_cfg = dict(by_epoch=False, max_iters=80_000, val_interval=5000)
default_hooks = dict(checkpoint=dict(interval=500, max_keep_ckpts=2))
custom_hooks = [_base_.average]
