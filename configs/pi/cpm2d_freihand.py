"""PI-training by masks, in 2D (Yuan et al. 2018, section 4.2), on FreiHAND, which has no depth; crops of 256x256.

All stages. Only the copy in front of the green screen has masks, so all rows are trained on it.
"""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/pi_cpm2d.py',
    '../_base_/schedules/pi.py',
    '../_base_/stages/pi.py',
]

input_size = 256

crop = dict(type='HandCrop', rule='zb')
noise = dict(type='RandomCropNoise', scale=(1 / 1.2, 1.0), shift=0.068)
warp = dict(type='WarpCrop', size=input_size, border=128)
pack_rgb = dict(type='PackHandInputs', modalities=['rgb'])
pack_all = dict(type='PackHandInputs', modalities=['rgb'], fields=['hand_mask'])

source = dict(type='FreiHANDDataset', data_root='data/FreiHAND_pub_v2')
loader = dict(num_workers=4, persistent_workers=True)
train_dataloader = dict(
    loader,
    batch_size=8,
    drop_last=True,
    sampler=dict(type='ReproducibleSampler'),
    dataset=dict(
        source,
        split='training',
        versions=['gs'],
        modalities=['rgb', 'mask'],
        pipeline=[crop, noise, warp, pack_all],
    ),
)
val_dataloader = dict(
    loader,
    batch_size=32,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(source, split='evaluation', modalities=['rgb'], pipeline=[crop, warp, pack_rgb]),
)
test_dataloader = val_dataloader

load_from = 'work_dirs/cpm2d_freihand/rgb/iter_20000.pth'
model = dict(teachers=dict(depth=None), distillers=dict(inter=None))
param_scheduler = _base_.continued.param_scheduler
train_cfg = _base_.continued.train_cfg
val_evaluator = dict(type='HandPixelMetric')
test_evaluator = val_evaluator

stages = dict(
    names=dict(net='cpm2d'),
    runs=[
        dict(_base_.rgb_row, options=_base_.rgb_training),
        _base_.baseline_row,
        dict(
            _base_.mask_row,
            name='mask02',
            label='RGB + PI (mask, 0.2)',
            options={'model.distillers.mask.fraction': 0.2},
        ),
        dict(_base_.mask_row, name='mask08', label='RGB + PI (mask, 0.8)', role='student'),
    ],
)
