"""PMD-Net on RHD (section 4.2): Adam, weight decay 5e-4, 1e-4 divided by 10 after 60k steps.

The paper gives neither the batch nor the last step; 64 and 90k are ours. --amp trains in bfloat16, unlike
the paper.
"""

optim_wrapper = dict(
    type='AutocastOptimWrapper', amp=False, optimizer=dict(type='Adam', lr=1e-4, weight_decay=5e-4, fused=True)
)
param_scheduler = [dict(type='MultiStepLR', milestones=[60000], gamma=0.1, by_epoch=False)]
train_cfg = dict(by_epoch=False, max_iters=90000, val_interval=5000)
