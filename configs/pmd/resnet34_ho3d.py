"""PMD-Net on HO-3D, version 3 (Hampali et al. 2020), with its depth maps; the schedule is RHD's, and no flips."""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/pmd_resnet34.py',
    '../_base_/datasets/ho3d.py',
    '../_base_/schedules/pmd.py',
    '../_base_/stages/pmd.py',
]

model = dict(teachers=dict(depth=dict(checkpoint='work_dirs/resnet34_ho3d_depth/iter_90000.pth')))

crop = dict(type='HandCrop', rule='square', factor=1.25)
box = dict(type='HandCrop', rule='box', factor=1.25)
warp = dict(type='WarpCrop', size=64)
cube = dict(type='DepthToCube', cube=300.0, root='middle_mcp')
pack_rgb = dict(type='PackHandInputs', modalities=['rgb'])
pack_paired = dict(type='PackHandInputs', modalities=['rgb', 'depth'])

train_dataloader = dict(dataset=dict(modalities=['rgb', 'depth'], pipeline=[crop, warp, cube, pack_paired]))
val_dataloader = dict(dataset=dict(pipeline=[box, warp, pack_rgb]))
test_dataloader = val_dataloader
# First the paper's protocol; then relative to the wrist and after Procrustes alignment, as the set's owners measure.
val_evaluator = [
    dict(type='HandKeypointMetric', root='middle_mcp', scale='gt'),
    dict(type='HandKeypointMetric', root='wrist', scale='gt', auc=(0, 50, 100), also=['pa']),
]
test_evaluator = val_evaluator
