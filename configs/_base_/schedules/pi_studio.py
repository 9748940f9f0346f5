"""A short schedule for the studio on a CPU, of our choice: each time the rate rises from 0 and falls along a cosine."""

warmup = dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=100)

optim_wrapper = dict(type='AutocastOptimWrapper', optimizer=dict(type='Adam', lr=1e-3, fused=True))
param_scheduler = [warmup, dict(type='CosineAnnealingLR', eta_min=0.0, by_epoch=False, begin=100, end=1000)]
train_cfg = dict(by_epoch=False, max_iters=1000, val_interval=250)

continued = dict(param_scheduler=param_scheduler, train_cfg=train_cfg)
depth_only = dict(param_scheduler=param_scheduler, train_cfg=train_cfg)
