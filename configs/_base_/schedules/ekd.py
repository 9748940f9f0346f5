"""EKD: the paper's training is in a supplement that is not public, so this schedule is ours.

Adam at 5e-4, divided by 10 after 40k and 55k of 60k steps; --amp trains in bfloat16.
"""

optim_wrapper = dict(type='AutocastOptimWrapper', amp=False, optimizer=dict(type='Adam', lr=5e-4, fused=True))
param_scheduler = [dict(type='MultiStepLR', milestones=[40000, 55000], gamma=0.1, by_epoch=False)]
train_cfg = dict(by_epoch=False, max_iters=60000, val_interval=5000)
