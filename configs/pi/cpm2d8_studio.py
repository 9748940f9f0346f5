"""PI-training by masks of four fifths of the images: RGB_Net is kept silent outside the hand (Eq. 3); all stages.

In 2D this is the paper's method (section 4.2). The stages are the rows of Table 2, and mimicry, which is ours.
"""

_base_ = [
    '../_base_/runtime.py',
    '../_base_/models/pi_cpm2d8.py',
    '../_base_/datasets/studio_pi.py',
    '../_base_/schedules/pi_studio.py',
    '../_base_/stages/pi.py',
]

load_from = 'work_dirs/cpm2d8_studio/rgb/iter_500.pth'
model = dict(teachers=dict(depth=None), distillers=dict(inter=None))
param_scheduler = _base_.continued.param_scheduler
train_cfg = _base_.continued.train_cfg
val_evaluator = dict(_delete_=True, type='HandPixelMetric')
test_evaluator = val_evaluator

depth = {'model.teachers.depth': _base_.model.teachers.depth}
mimicry = {**depth, 'model.distillers.inter': _base_.model.distillers.inter}
stages = dict(
    names=dict(net='cpm2d8', external='studio'),
    runs=[
        _base_.depth_only_row,
        dict(_base_.depth_row, options={**depth, **_base_.depth_training}),
        dict(_base_.rgb_row, options=_base_.rgb_training),
        _base_.baseline_row,
        dict(
            _base_.mask_row,
            name='mask02',
            label='RGB + PI (mask, 0.2)',
            options={'model.distillers.mask.fraction': 0.2},
        ),
        dict(_base_.mask_row, name='mask08', label='RGB + PI (mask, 0.8)', role='student'),
        dict(_base_.mimic_row, options={**mimicry, 'model.distillers.mask': None}),
        dict(_base_.both_row, label='RGB + PI (mimic, mask 0.8)', options=mimicry),
    ],
)
