"""Short schedules for the studio on a CPU, of our choice: the rate rises from 0 and falls to 0 along a cosine."""

warmup = dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=50)

optim_wrapper = dict(type='AutocastOptimWrapper', optimizer=dict(type='Adam', lr=5e-3, fused=True))
param_scheduler = [warmup, dict(type='CosineAnnealingLR', eta_min=0.0, by_epoch=False, begin=50, end=2500)]
train_cfg = dict(by_epoch=False, max_iters=2500, val_interval=1250)

finetune = dict(
    optim_wrapper=dict(optimizer=dict(lr=2e-3)),
    param_scheduler=[warmup, dict(type='CosineAnnealingLR', eta_min=0.0, by_epoch=False, begin=50, end=1000)],
    train_cfg=dict(by_epoch=False, max_iters=1000, val_interval=500),
)
regress = dict(
    optim_wrapper=dict(optimizer=dict(lr=2e-3)),
    param_scheduler=[warmup, dict(type='CosineAnnealingLR', eta_min=0.0, by_epoch=False, begin=50, end=800)],
    train_cfg=dict(by_epoch=False, max_iters=800, val_interval=400),
)
