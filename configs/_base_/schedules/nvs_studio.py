"""Short schedules for the studio on a CPU, of our choice: each time the rate rises from 0 and falls along a cosine.

Supervised and semi-supervised networks share theirs, so that they differ in the views alone. The pose
network has weight decay, against overfitting a handful of labels; if lambda_F is changed, scale the decay with it.
"""

warmup = dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=100)

optim_wrapper = dict(
    type='AutocastOptimWrapper',
    amp=True,
    optimizer=dict(type='Adam', lr=2e-3, weight_decay=1e-4, fused=True),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(decay_mult=0.0), distillers=dict(decay_mult=0.0))),
)
param_scheduler = [warmup, dict(type='CosineAnnealingLR', eta_min=0.0, by_epoch=False, begin=100, end=1500)]
train_cfg = dict(by_epoch=False, max_iters=1500, val_interval=1500)

pose = dict(
    param_scheduler=[warmup, dict(type='CosineAnnealingLR', eta_min=0.0, by_epoch=False, begin=100, end=1000)],
    train_cfg=dict(by_epoch=False, max_iters=1000, val_interval=1000),
)
frozen = dict(
    optim_wrapper=dict(optimizer=dict(lr=1e-3)),
    param_scheduler=[warmup, dict(type='CosineAnnealingLR', eta_min=0.0, by_epoch=False, begin=100, end=400)],
    train_cfg=dict(by_epoch=False, max_iters=400, val_interval=400),
)
