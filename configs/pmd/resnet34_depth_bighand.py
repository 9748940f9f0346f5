"""Stage I of PMD-Net on BigHand2.2M (Yuan et al. 2017), many depth images without colour; one person is left out."""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/pmd_resnet34.py',
    '../_base_/schedules/pmd.py',
]

model = dict(_base_.model.teachers.depth.model, _delete_=True)

crop = dict(type='HandCrop', rule='square', factor=1.25)
warp = dict(type='WarpCrop', size=64)
cube = dict(type='DepthToCube', cube=300.0, root='middle_mcp')
pack_depth = dict(type='PackHandInputs', modalities=['depth'])

source = dict(
    type='BigHandDataset',
    data_root='data/BigHand2.2M',
    modalities=['depth'],
    pipeline=[crop, warp, cube, pack_depth],
)
train_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='ReproducibleSampler'),
    dataset=dict(source, split='train'),
)
val_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(source, split='test'),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='HandKeypointMetric', root='middle_mcp', scale='gt')
test_evaluator = val_evaluator
