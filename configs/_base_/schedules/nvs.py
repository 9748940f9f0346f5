"""NVS: Adam at 1e-3, as in Rhodin et al. 2018, who find 400k steps good for the views; the paper gives no schedule.

The supervised networks take as many steps as the semi-supervised ones, so that they differ in the views alone; a
quarter for the pose network alone is ours. Validation is at the end: nothing is selected by it, and full frames take
long to read. --amp trains in bfloat16, unlike the paper.
"""

optim_wrapper = dict(type='AutocastOptimWrapper', amp=False, optimizer=dict(type='Adam', lr=1e-3, fused=True))
param_scheduler = []
train_cfg = dict(by_epoch=False, max_iters=400000, val_interval=400000)

frozen = dict(train_cfg=dict(by_epoch=False, max_iters=100000, val_interval=100000))
