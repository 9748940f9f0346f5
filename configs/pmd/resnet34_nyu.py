"""PMD-Net on NYU (Tompson et al. 2014), the front Kinect; depth and the photograph warped into it."""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/pmd_resnet34.py',
    '../_base_/schedules/pmd.py',
    '../_base_/stages/pmd.py',
]

model = dict(teachers=dict(depth=dict(checkpoint='work_dirs/resnet34_nyu_depth/iter_90000.pth')))

crop = dict(type='HandCrop', rule='square', factor=1.25)
warp = dict(type='WarpCrop', size=64)
cube = dict(type='DepthToCube', cube=300.0, root='middle_mcp')
pack_rgb = dict(type='PackHandInputs', modalities=['rgb'])
pack_paired = dict(type='PackHandInputs', modalities=['rgb', 'depth'])

source = dict(type='NYUDataset', data_root='data/nyu_hand_dataset_v2/dataset')
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
