"""PI-training by mimicry on DexYCB (Chao et al. 2021); all stages.

As on RHD and STB (Yuan et al. 2018), but for the root, which is the wrist; the masks come from depth.
"""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/pi_cpm.py',
    '../_base_/datasets/dexycb.py',
    '../_base_/schedules/pi.py',
    '../_base_/stages/pi.py',
]

load_from = 'work_dirs/cpm_dexycb/rgb/iter_20000.pth'
model = dict(
    teachers=dict(depth=dict(checkpoint='work_dirs/cpm_dexycb/depth/iter_20000.pth')),
    distillers=dict(mask=None),
)
param_scheduler = _base_.continued.param_scheduler
train_cfg = _base_.continued.train_cfg

crop = dict(type='HandCrop', rule='zb')
noise = dict(type='RandomCropNoise', scale=(1 / 1.2, 1.0), shift=0.068)
warp = dict(type='WarpCrop', size=256, border=128)
mask = dict(type='HandMaskFromDepth')
cube = dict(type='DepthToCube', cube=300.0, root='middle_mcp')
pack_rgb = dict(type='PackHandInputs', modalities=['rgb'])
pack_all = dict(type='PackHandInputs', modalities=['rgb', 'depth'], fields=['hand_mask'])

train_dataloader = dict(
    batch_size=8,
    dataset=dict(modalities=['rgb', 'depth'], pipeline=[crop, noise, warp, mask, cube, pack_all]),
)
val_dataloader = test_dataloader = dict(batch_size=32, dataset=dict(pipeline=[crop, warp, pack_rgb]))
val_evaluator = dict(
    type='HandKeypointMetric', root='wrist', scale_bone=('middle_mcp', 'middle_pip'), auc=(0, 50, 100), also=['pa']
)
test_evaluator = val_evaluator

masks = {'model.distillers.mask': _base_.model.distillers.mask}
no_mimicry = {'model.distillers.inter': None, 'model.teachers.depth': None}
stages = dict(
    names=dict(net='cpm', external='bighand'),
    runs=[
        _base_.depth_only_row,
        dict(_base_.depth_row, options=_base_.depth_training),
        dict(_base_.rgb_row, options=_base_.rgb_training),
        _base_.baseline_row,
        dict(_base_.mimic_row, role='student'),
        dict(_base_.mask_row, options={**masks, **no_mimicry}),
        dict(_base_.both_row, options=masks),
    ],
)
