"""PI-training by mimicry: RGB_Net's last convolution follows the frozen depth network's (Eq. 1, 2); all stages."""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/pi_cpm.py',
    '../_base_/datasets/rhd_zb.py',
    '../_base_/schedules/pi.py',
    '../_base_/stages/pi.py',
]

load_from = 'work_dirs/cpm_rhd/rgb/iter_20000.pth'
model = dict(
    teachers=dict(depth=dict(checkpoint='work_dirs/cpm_rhd/depth/iter_20000.pth')),
    distillers=dict(mask=None),
)
param_scheduler = _base_.continued.param_scheduler
train_cfg = _base_.continued.train_cfg
val_evaluator = dict(type='HandKeypointMetric', root='palm', scale_bone=('middle_mcp', 'middle_pip'))
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
