"""Model, optimiser and averaging of the students that read photographs: 0.11 GMAC at 96 px.

The weights make the losses' gradients at the backbone's last map of comparable size (docs/photo-log.md).
"""

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
            codec=dict(type='ScaledPose', input_size=96),
            loss=dict(type='PoseL1Loss', loss_weight=0.1),
            map_weight=0.2,
            side_weight=5.0,
        ),
    ),
    distillers=dict(parts=dict(type='PartSegmentation', layer='neck.last', in_channels=64, sides=True, weight=50.0)),
)

optim_wrapper = dict(type='AutocastOptimWrapper', optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.01, fused=True))
# The average is over the last 20th of the training so far, and at most over 2000 steps.
average = dict(type='EMAHook', ema_type='MomentumAnnealingEMA', momentum=0.0005, gamma=20, update_buffers=True)
