"""A short schedule for the studio on a CPU, of our choice: the rate rises from 0 and falls to 0 along a cosine."""

optim_wrapper = dict(type='AutocastOptimWrapper', optimizer=dict(type='Adam', lr=2e-3, fused=True))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=100),
    dict(type='CosineAnnealingLR', eta_min=0.0, by_epoch=False, begin=100, end=1500),
]
train_cfg = dict(by_epoch=False, max_iters=1500, val_interval=500)
