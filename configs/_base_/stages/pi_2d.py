"""PI in 2D, the rows of Table 2: as in 3D, with masks of a fifth and of four fifths of the images."""

_base_ = './pi.py'

stages = dict(
    runs=[
        *_base_.before,
        _base_.by_mimic,
        dict(name='mask02', label='RGB + PI (mask, 0.2)', role='variant', config='{net}_mask02_{data}.py', start='rgb'),
        dict(name='mask08', label='RGB + PI (mask, 0.8)', role='variant', config='{net}_mask08_{data}.py', start='rgb'),
        dict(_base_.by_both, label='RGB + PI (mimic, mask 0.8)'),
    ],
)
