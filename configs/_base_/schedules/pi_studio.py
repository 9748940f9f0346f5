"""A short schedule for the studio on a CPU, of our choice: each time the rate rises from 0 and falls along a cosine."""

warmup = dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=100)

optim_wrapper = dict(type='AutocastOptimWrapper', optimizer=dict(type='Adam', lr=1e-3, fused=True))
param_scheduler = [warmup, dict(type='CosineAnnealingLR', eta_min=0.0, by_epoch=False, begin=100, end=500)]
train_cfg = dict(by_epoch=False, max_iters=500, val_interval=250)

continued = dict(
    param_scheduler=[warmup, dict(type='CosineAnnealingLR', eta_min=0.0, by_epoch=False, begin=100, end=700)],
    train_cfg=dict(by_epoch=False, max_iters=700, val_interval=100),
)
depth_only = dict(
    param_scheduler=[warmup, dict(type='CosineAnnealingLR', eta_min=0.0, by_epoch=False, begin=100, end=800)],
    train_cfg=dict(by_epoch=False, max_iters=800, val_interval=800),
)

# Options of the stages that train RGB_Net and Depth_Net, in a config of PI-training.
rgb_training = {
    'load_from': None,
    'param_scheduler.1.end': 500,
    'train_cfg.max_iters': 500,
    'train_cfg.val_interval': 250,
}
# The paired set is small: few steps at a low rate, so that the depth network does not overfit it.
depth_training = {
    'optim_wrapper.optimizer.lr': 5e-5,
    'param_scheduler.1.end': 200,
    'train_cfg.max_iters': 200,
    'train_cfg.val_interval': 200,
}
