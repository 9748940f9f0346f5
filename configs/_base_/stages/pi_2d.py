"""PI in 2D, the rows of Table 2: masks of a fifth and of four fifths of the images, and mimicry, which is ours."""

_base_ = './pi.py'

mask02_row = dict(
    _base_.mask_row,
    name='mask02',
    label='RGB + PI (mask, 0.2)',
    options={**_base_.mask_row.options, 'model.distillers.mask.fraction': 0.2},
)
mask08_row = dict(_base_.mask_row, name='mask08', label='RGB + PI (mask, 0.8)', role='student')
both_2d_row = dict(_base_.both_row, label='RGB + PI (mimic, mask 0.8)')

stages = dict(
    runs=[
        _base_.depth_only_row,
        _base_.depth_row,
        _base_.rgb_row,
        _base_.baseline_row,
        mask02_row,
        mask08_row,
        _base_.mimic_row,
        both_2d_row,
    ],
)
