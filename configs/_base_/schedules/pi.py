"""PI: 20k steps, then 10k of PI-training (Yuan et al. 2018, section 4.1).

The paper gives neither optimiser, batch nor rate. Adam, a batch of 8, and 1e-4 divided by 10 after 10k steps are those
of Zimmermann and Brox, whose crops it uses; PI-training begins at 1e-4 again, and so does its baseline: at the 1e-6
that their schedule would have reached, nothing would be learnt. The number of steps on BigHand2.2M is our choice. --amp
trains in bfloat16, unlike the paper.
"""

optim_wrapper = dict(type='AutocastOptimWrapper', amp=False, optimizer=dict(type='Adam', lr=1e-4, fused=True))
param_scheduler = [dict(type='MultiStepLR', milestones=[10000], gamma=0.1, by_epoch=False)]
train_cfg = dict(by_epoch=False, max_iters=20000, val_interval=1000)

continued = dict(
    param_scheduler=[dict(type='MultiStepLR', milestones=[5000], gamma=0.1, by_epoch=False)],
    train_cfg=dict(by_epoch=False, max_iters=10000, val_interval=1000),
)
depth_only = dict(
    param_scheduler=[dict(type='MultiStepLR', milestones=[60000], gamma=0.1, by_epoch=False)],
    train_cfg=dict(by_epoch=False, max_iters=100000, val_interval=10000),
)

# Options of the stages that train RGB_Net and Depth_Net, in a config of PI-training.
rgb_training = {
    'load_from': None,
    'param_scheduler.0.milestones': [10000],
    'train_cfg.max_iters': 20000,
}
depth_training = rgb_training
