"""PI-training by masks of the images, in 2D (Yuan et al. 2018, section 4.2), on FreiHAND, which has no depth.

All stages. Only the copy in front of the green screen has masks, so all rows are trained on it.
"""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/pi_cpm2d.py',
    '../_base_/datasets/freihand_zb.py',
    '../_base_/schedules/pi.py',
    '../_base_/stages/pi.py',
]

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
