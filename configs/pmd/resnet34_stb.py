"""PMD-Net on STB (Zhang et al. 2016), the SK sensor: its colour, and depth in its pixels; no flips (section 4.2)."""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/pmd_resnet34.py',
    '../_base_/schedules/pmd.py',
    '../_base_/stages/pmd.py',
]

model = dict(teachers=dict(depth=dict(checkpoint='work_dirs/resnet34_stb_depth/iter_15000.pth')))
# 7e-5 divided by 10 after 10k steps (section 4.2); the last step, 15k, is ours.
optim_wrapper = dict(optimizer=dict(lr=7e-5))
param_scheduler = [dict(type='MultiStepLR', milestones=[10000], gamma=0.1, by_epoch=False)]
train_cfg = dict(max_iters=15000, val_interval=1000)

crop = dict(type='HandCrop', rule='square', factor=1.25)
warp = dict(type='WarpCrop', size=64)
cube = dict(type='DepthToCube', cube=300.0, root='middle_mcp')
pack_rgb = dict(type='PackHandInputs', modalities=['rgb'])
pack_paired = dict(type='PackHandInputs', modalities=['rgb', 'depth'])

source = dict(type='STBDataset', data_root='data/STB')
train_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='ReproducibleSampler'),
    dataset=dict(source, split='train', modalities=['rgb', 'depth'], pipeline=[crop, warp, cube, pack_paired]),
)
val_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(source, split='test', modalities=['rgb'], pipeline=[crop, warp, pack_rgb]),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='HandKeypointMetric', root='middle_mcp', scale='gt')
test_evaluator = val_evaluator
