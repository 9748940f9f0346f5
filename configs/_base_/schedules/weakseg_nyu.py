"""The paper's training (section 5): SGD on single images for f_s, Adam at 0.05 for f_r.

Torch7's learning rate decay is per update. The length of f_r's training is not given ("in 20 min on a single GPU"); 20
passes are ours.
"""

optim_wrapper = dict(type='AutocastOptimWrapper', amp=False, optimizer=dict(type='SGD', lr=0.1))
param_scheduler = [dict(type='InverseTimeLR', decay=1e-5, by_epoch=False)]
train_cfg = dict(by_epoch=False, max_iters=17097400, val_interval=170974)  # 100 passes over the rendered hands

finetune = dict(
    optim_wrapper=dict(optimizer=dict(lr=5.8e-4)),  # 0.1 after step 1's decay, which continues from here
    param_scheduler=[dict(type='InverseTimeLR', decay=5.8e-8, by_epoch=False)],
    train_cfg=dict(by_epoch=False, max_iters=1899720, val_interval=189972),  # 10 times the rendered hands, a tenth real
)
regress = dict(
    optim_wrapper=dict(optimizer=dict(type='Adam', lr=0.05, fused=True)),
    param_scheduler=[],
    train_cfg=dict(by_epoch=False, max_iters=22740, val_interval=1137),
)
