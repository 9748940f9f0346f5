"""NVS: Adam at 1e-3, as in Rhodin et al. 2018, who find 400k steps good for the views; the paper gives nothing.

How long poses are learnt is ours. --amp trains in bfloat16, which the paper does not.
"""

optim_wrapper = dict(type='AutocastOptimWrapper', amp=False, optimizer=dict(type='Adam', lr=1e-3, fused=True))
param_scheduler = []
train_cfg = dict(by_epoch=False, max_iters=400000, val_interval=20000)

pose = dict(param_scheduler=[], train_cfg=dict(by_epoch=False, max_iters=100000, val_interval=10000))
semi = dict(param_scheduler=[], train_cfg=dict(by_epoch=False, max_iters=400000, val_interval=20000))
