"""PI in 2D, the rows of Table 2: masks of a fifth and of four fifths of the images, and mimicry, which is ours."""

_base_ = './pi.py'

stages = dict(
    runs=[
        *_base_.before,
        dict(name='mask02', label='RGB + PI (mask, 0.2)', role='variant', config='{net}_mask02_{data}.py', start='rgb'),
        dict(name='mask08', label='RGB + PI (mask, 0.8)', role='student', config='{net}_{data}.py', start='rgb'),
        dict(_base_.by_mimic, role='variant', config='{net}_mimic_{data}.py'),
        dict(_base_.by_both, label='RGB + PI (mimic, mask 0.8)'),
    ],
)
