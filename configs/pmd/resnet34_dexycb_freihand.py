"""PMD-Net on DexYCB, which has depth, and FreiHAND, which has none: the depth teacher sees DexYCB's images alone.

Three of four training images are DexYCB's. Validation and test report both sets, and each. The schedule is RHD's, and
no flips.
"""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/pmd_resnet34.py',
    '../_base_/datasets/dexycb.py',
    '../_base_/schedules/pmd.py',
    '../_base_/stages/pmd.py',
]

model = dict(teachers=dict(depth=dict(checkpoint='work_dirs/resnet34_dexycb_freihand_depth/iter_90000.pth')))

crop = dict(type='HandCrop', rule='square', factor=1.25)
warp = dict(type='WarpCrop', size=64)
cube = dict(type='DepthToCube', cube=300.0, root='middle_mcp')
pack_rgb = dict(type='PackHandInputs', modalities=['rgb'])
pack_paired = dict(type='PackHandInputs', modalities=['rgb', 'depth'])

paired = dict(_base_.source, modalities=['rgb', 'depth'], pipeline=[crop, warp, cube, pack_paired])
colour = dict(_base_.source, modalities=['rgb'], pipeline=[crop, warp, pack_rgb])
freihand = dict(
    type='FreiHANDDataset', data_root='data/FreiHAND_pub_v2', modalities=['rgb'], pipeline=[crop, warp, pack_rgb]
)

train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='MixedDataset',
        datasets=[dict(paired, split='train'), dict(freihand, split='training')],
        shares=[3, 1],
        optional=['depth'],
    )
)
val_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='JoinedDataset',
        datasets=[dict(colour, split='val'), dict(freihand, split='evaluation')],
    )
)
test_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='JoinedDataset',
        datasets=[dict(colour, split='test'), dict(freihand, split='evaluation')],
    )
)
val_evaluator = dict(type='HandKeypointMetric', root='middle_mcp', scale='gt')
test_evaluator = val_evaluator
