"""A short schedule for the studio on a CPU, of our choice: the rate rises from 0 and falls along a cosine.

It is one for views, for poses and for both, so that supervised and semi-supervised networks differ in the views alone;
the pose network on a frozen encoder needs fewer steps. Weights of the pose network decay, lest it learn a handful of
labels by heart.
"""

steps = 1500
warmup = dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=100)

optim_wrapper = dict(
    type='AutocastOptimWrapper',
    amp=True,
    optimizer=dict(type='Adam', lr=2e-3, weight_decay=0.01, fused=True),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(decay_mult=0.0), distillers=dict(decay_mult=0.0))),
)
param_scheduler = [warmup, dict(type='CosineAnnealingLR', eta_min=0.0, by_epoch=False, begin=100, end=steps)]
train_cfg = dict(by_epoch=False, max_iters=steps, val_interval=steps)

frozen = dict(
    optim_wrapper=dict(optimizer=dict(lr=1e-3)),
    param_scheduler=[warmup, dict(type='CosineAnnealingLR', eta_min=0.0, by_epoch=False, begin=100, end=400)],
    train_cfg=dict(by_epoch=False, max_iters=400, val_interval=400),
)
