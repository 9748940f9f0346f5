"""A student that reads photographs, trained on the studio alone: 0.11 GMAC, joints in the image, in space, and side.

For a training of many hours on a CPU: the rate is constant, so that it can be cut anywhere or continued, with averaged
weights (those of every checkpoint), and falls along a cosine in the last third.
"""

_base_ = ['../_base_/runtime.py', '../_base_/datasets/studio_photo.py']

model = dict(
    type='DistilledEstimator',
    student=dict(
        type='HandPoseEstimator',
        backbone=dict(
            type='mmpose.ResNet', depth=18, in_channels=3, stem_channels=32, base_channels=32, out_indices=(0, 1, 2, 3)
        ),
        neck=dict(type='TopDownNeck', in_channels=(32, 64, 128, 256), channels=64),
        head=dict(
            type='PixelPoseHead',
            in_channels=64,
            vector_channels=256,
            codec=dict(type='ScaledPose', input_size=_base_.input_size),
            map_weight=0.1,
            side_weight=5.0,
        ),
    ),
    distillers=dict(parts=dict(type='PartSegmentation', layer='neck.last', in_channels=64, sides=True, weight=10.0)),
)

optim_wrapper = dict(type='AutocastOptimWrapper', optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.01, fused=True))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=500),
    dict(type='CosineAnnealingLR', eta_min=0.0, by_epoch=False, begin=50_000, end=80_000),
]
train_cfg = dict(by_epoch=False, max_iters=80_000, val_interval=5000)
default_hooks = dict(checkpoint=dict(interval=500, max_keep_ckpts=2))
# The average is over the last 20th of the training so far, and at most over 2000 steps.
custom_hooks = [dict(type='EMAHook', ema_type='MomentumAnnealingEMA', momentum=0.0005, gamma=20, update_buffers=True)]
